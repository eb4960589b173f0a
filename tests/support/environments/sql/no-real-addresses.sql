-- Must return no row: every address is one that the masking has made.
SELECT id FROM customers WHERE email NOT LIKE '%@example.com';
