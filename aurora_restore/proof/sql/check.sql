-- Must return no row: every customer has the name and the address that the masking has made.
SELECT id
FROM shop.customers
WHERE name <> 'Customer ' || id OR email <> 'customer-' || id || '@example.com';
