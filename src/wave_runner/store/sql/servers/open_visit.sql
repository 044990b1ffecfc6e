INSERT INTO visits (runner_id, server, model, digest, loaded, load_us)
VALUES (%(runner_id)s, %(server)s, %(model)s, %(digest)s, %(loaded)s, %(load_us)s)
RETURNING visit_id
