-- After a first query a transaction cannot be made to write any more.
SELECT 1 AS one
