-- Runs in the restored database before anybody can log in: whom a row is about stays in production.
-- It runs as the master user, who owns none of the shop's tables: hence the membership.
GRANT shop_owner TO CURRENT_USER;

UPDATE shop.customers
SET
    name = 'Customer ' || id,
    email = 'customer-' || id || '@example.com',
    phone = NULL;

REVOKE shop_owner FROM CURRENT_USER;
