-- How long the last loads of these models took on a server, in the mean; those that it has never loaded are left out.
SELECT m.model, avg(v.load_us)::float8 / 1000000 AS seconds
FROM unnest(%(models)s::text[]) AS m (model)
CROSS JOIN LATERAL (
    SELECT load_us FROM visits WHERE server = %(server)s AND model = m.model AND loaded
    ORDER BY visit_id DESC
    LIMIT 10
) AS v
GROUP BY m.model
