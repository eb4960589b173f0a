-- Runs in the restored database before anybody can log in: whom a row is about stays in production.

UPDATE shop.customers
SET
    name = 'Customer ' || id,
    email = 'customer-' || id || '@example.com',
    phone = NULL;

TRUNCATE shop.customer_changes, shop.mailings, shop.basket;
