-- A breaker, locked until the transaction ends; made where there was none.
INSERT INTO breakers (kind, name) VALUES (%(kind)s, %(name)s)
ON CONFLICT (kind, name) DO UPDATE SET failures = breakers.failures
RETURNING position, failures, trips, probe_by
