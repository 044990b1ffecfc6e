-- How many rows a table has, and a sum over the digest of each: whatever their order, the same rows give the same sum.
SELECT count(*), coalesce(sum(('x' || left(md5(ROW(one.*)::text), 16))::bit(64)::bigint::numeric), 0)
FROM ONLY {table} AS one
