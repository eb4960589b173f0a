SELECT id FROM customers WHERE email NOT LIKE '%@example.com';
