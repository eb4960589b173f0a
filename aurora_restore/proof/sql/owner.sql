-- The schema of a small shop; it belongs to the role that runs this.
CREATE SCHEMA shop;

CREATE TABLE shop.customers (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL UNIQUE,
    phone text,
    city text NOT NULL
);
CREATE TABLE shop.orders (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id int NOT NULL REFERENCES shop.customers,
    placed_at timestamptz NOT NULL,
    status text NOT NULL CHECK (status IN ('open', 'paid', 'sent'))
);
-- What anybody changes about a customer is remembered, with everything that was known before.
CREATE TABLE shop.customer_changes (
    changed_at timestamptz NOT NULL,
    customer_id int NOT NULL,
    before jsonb NOT NULL
);
CREATE FUNCTION shop.remember_customer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop.customer_changes VALUES (now(), old.id, to_jsonb(old));
    RETURN new;
END
$$;
CREATE TRIGGER remember_customer AFTER UPDATE ON shop.customers
FOR EACH ROW EXECUTE FUNCTION shop.remember_customer();

-- To whom the newsletter was sent; a job writes here, by way of a foreign server.
CREATE TABLE shop.mailings (
    sent_at timestamptz NOT NULL,
    address text NOT NULL
);
-- Crash recovery empties such a table in PostgreSQL, and not in Aurora.
CREATE UNLOGGED TABLE shop.basket (
    customer_id int NOT NULL,
    note text NOT NULL
);

INSERT INTO shop.customers (name, email, phone, city)
SELECT
    first || ' ' || last,
    lower(first || '.' || last) || n || '@mail.example',
    '+1 555 ' || lpad((n * 7919 % 10000000)::text, 7, '0'),
    (ARRAY['Lisbon', 'Osaka', 'Lagos', 'Quito', 'Oslo', 'Pune', 'Perth', 'Leeds'])[1 + n % 8]
FROM
    generate_series(1, 400) AS n,
    LATERAL (
        SELECT
            (ARRAY['Ada', 'Bem', 'Chidi', 'Dalia', 'Emil', 'Fumiko', 'Gita', 'Hugo', 'Ines',
                   'Jonas', 'Kofi'])[1 + n % 11] AS first,
            (ARRAY['Almeida', 'Berg', 'Castro', 'Dlamini', 'Eze', 'Fischer', 'Gupta', 'Haas',
                   'Ito', 'Jensen', 'Kaya', 'Lund', 'Moreau'])[1 + n % 13] AS last
    ) AS person;

UPDATE shop.customers SET city = 'Kyoto' WHERE id % 100 = 0;

INSERT INTO shop.orders (customer_id, placed_at, status)
SELECT
    1 + n * 31 % 400,
    timestamptz '2025-11-01 00:00:00+00' + n * interval '47 minutes',
    (ARRAY['sent', 'sent', 'sent', 'paid', 'open'])[1 + n % 5]
FROM generate_series(1, 1500) AS n;

INSERT INTO shop.mailings SELECT now(), email FROM shop.customers WHERE id <= 20;
INSERT INTO shop.basket SELECT id, 'for ' || name FROM shop.customers WHERE id <= 20;

CREATE MATERIALIZED VIEW shop.customers_by_city AS
SELECT city, count(*) AS customers, string_agg(name || ' <' || email || '>', ', ') AS addresses
FROM shop.customers
GROUP BY city;

-- What the planner knows of a column's values are values, too.
ANALYZE shop.customers, shop.customer_changes, shop.customers_by_city;

GRANT USAGE ON SCHEMA shop TO analyst, shop_app, etl, postgres;
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO analyst;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA shop TO shop_app;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA shop TO etl;
GRANT SELECT ON shop.customers TO postgres;
