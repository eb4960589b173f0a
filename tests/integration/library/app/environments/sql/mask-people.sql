-- Nobody's address leaves production.
UPDATE customers SET email = 'customer-' || id || '@example.com';
