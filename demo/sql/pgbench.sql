-- The tables of `pgbench -i` at scale 1, after 5000 of its transactions; every run makes the same.
CREATE TABLE pgbench_history (
    tid int, bid int, aid int, delta int, mtime timestamp, filler char(22)
);
CREATE TABLE pgbench_tellers (
    tid int NOT NULL, bid int, tbalance int, filler char(84)
) WITH (fillfactor = 100);
CREATE TABLE pgbench_accounts (
    aid int NOT NULL, bid int, abalance int, filler char(84)
) WITH (fillfactor = 100);
CREATE TABLE pgbench_branches (
    bid int NOT NULL, bbalance int, filler char(88)
) WITH (fillfactor = 100);

INSERT INTO pgbench_history (tid, bid, aid, delta, mtime)
SELECT
    1 + n % 10,
    1,
    1 + n * 7919 % 100000,
    n * 104729 % 10001 - 5000,
    timestamp '2026-01-05 08:00:00' + n * interval '7 seconds'
FROM generate_series(1, 5000) AS n;

INSERT INTO pgbench_branches (bid, bbalance)
SELECT 1, sum(delta) FROM pgbench_history;

INSERT INTO pgbench_tellers (tid, bid, tbalance)
SELECT tid, 1, sum(delta) FROM pgbench_history GROUP BY tid;

INSERT INTO pgbench_accounts (aid, bid, abalance, filler)
SELECT n, 1, coalesce(moved.delta, 0), ''
FROM generate_series(1, 100000) AS n
LEFT JOIN (
    SELECT aid, sum(delta) AS delta FROM pgbench_history GROUP BY aid
) AS moved ON moved.aid = n;

ALTER TABLE pgbench_branches ADD PRIMARY KEY (bid);
ALTER TABLE pgbench_tellers ADD PRIMARY KEY (tid);
ALTER TABLE pgbench_accounts ADD PRIMARY KEY (aid);

-- What production subscribes to; its supplier fills it.
CREATE TABLE prices (
    product_id int PRIMARY KEY,
    price numeric(8, 2) NOT NULL
);

GRANT SELECT ON ALL TABLES IN SCHEMA public TO analyst;
