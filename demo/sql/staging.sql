-- What last month's restore and a developer have left in the old staging cluster.
CREATE TABLE pgbench_branches (bid int PRIMARY KEY, bbalance int, filler char(88));
INSERT INTO pgbench_branches VALUES (1, 0);
CREATE TABLE experiment (id int PRIMARY KEY, note text NOT NULL);
INSERT INTO experiment SELECT n, 'stale row ' || n FROM generate_series(1, 25) AS n;
