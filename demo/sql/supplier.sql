-- Another company's database: the prices that it publishes, and the shop subscribes to.
CREATE TABLE prices (
    product_id int PRIMARY KEY,
    price numeric(8, 2) NOT NULL
);
INSERT INTO prices SELECT n, 1 + n * 23 % 150 + 0.50 FROM generate_series(1, 60) AS n;
CREATE PUBLICATION prices FOR TABLE prices;
GRANT SELECT ON prices TO feed;
