-- Runs in the restored database before anybody can log in: nobody's name or address is left in it.
UPDATE customers
SET
    name = 'Customer ' || id,
    email = 'customer-' || id || '@example.com',
    phone = NULL;

UPDATE orders SET delivery_note = NULL;
