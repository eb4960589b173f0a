-- The shop's own schema; it belongs to the role that runs this.
CREATE SCHEMA shop;

CREATE TABLE shop.customers (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL UNIQUE,
    phone text,
    city text NOT NULL,
    registered date NOT NULL
);
CREATE TABLE shop.products (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    price numeric(8, 2) NOT NULL
);
CREATE TABLE shop.orders (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id int NOT NULL REFERENCES shop.customers,
    placed_at timestamptz NOT NULL,
    status text NOT NULL CHECK (status IN ('open', 'paid', 'sent'))
);
CREATE TABLE shop.order_lines (
    order_id int NOT NULL REFERENCES shop.orders,
    product_id int NOT NULL REFERENCES shop.products,
    quantity int NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (order_id, product_id)
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

-- To whom the newsletter was sent.
CREATE TABLE shop.mailings (
    sent_at timestamptz NOT NULL,
    address text NOT NULL
);

CREATE VIEW shop.turnover AS
SELECT date_trunc('month', o.placed_at) AS month, sum(l.quantity * p.price) AS turnover
FROM shop.orders AS o
JOIN shop.order_lines AS l ON l.order_id = o.id
JOIN shop.products AS p ON p.id = l.product_id
GROUP BY 1;

INSERT INTO shop.customers (name, email, phone, city, registered)
SELECT
    first || ' ' || last,
    lower(first || '.' || last) || n || '@mail.example',
    '+1 555 ' || lpad((n * 7919 % 10000000)::text, 7, '0'),
    (ARRAY['Lisbon', 'Osaka', 'Lagos', 'Quito', 'Oslo', 'Pune', 'Perth', 'Leeds'])[1 + n % 8],
    date '2021-03-01' + n % 1500
FROM
    generate_series(1, 2500) AS n,
    LATERAL (
        SELECT
            (ARRAY['Ada', 'Bem', 'Chidi', 'Dalia', 'Emil', 'Fumiko', 'Gita', 'Hugo', 'Ines',
                   'Jonas', 'Kofi'])[1 + n % 11] AS first,
            (ARRAY['Almeida', 'Berg', 'Castro', 'Dlamini', 'Eze', 'Fischer', 'Gupta', 'Haas',
                   'Ito', 'Jensen', 'Kaya', 'Lund', 'Moreau'])[1 + n % 13] AS last
    ) AS person;

UPDATE shop.customers SET city = 'Kyoto' WHERE id % 100 = 0;

INSERT INTO shop.products (name, price)
SELECT 'Article ' || n, 1 + n * 37 % 200 + 0.90 FROM generate_series(1, 60) AS n;

INSERT INTO shop.orders (customer_id, placed_at, status)
SELECT
    1 + n * 31 % 2500,
    timestamptz '2025-11-01 00:00:00+00' + n * interval '47 minutes',
    (ARRAY['sent', 'sent', 'sent', 'paid', 'open'])[1 + n % 5]
FROM generate_series(1, 9000) AS n;

INSERT INTO shop.order_lines (order_id, product_id, quantity)
SELECT o.id, 1 + (o.id * 13 + line * 7) % 60, 1 + (o.id + line) % 4
FROM shop.orders AS o, generate_series(1, 1 + o.id % 3) AS line;

CREATE MATERIALIZED VIEW shop.customers_by_city AS
SELECT city, count(*) AS customers, string_agg(name || ' <' || email || '>', ', ') AS addresses
FROM shop.customers
GROUP BY city;

-- What the planner knows of a column's values are values, too.
ANALYZE shop.customers, shop.customer_changes, shop.customers_by_city;

GRANT USAGE ON SCHEMA shop TO analyst, shop_app, etl;
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO analyst;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA shop TO shop_app;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA shop TO etl;
GRANT USAGE ON SCHEMA shop TO postgres;
GRANT SELECT ON shop.customers TO postgres;
