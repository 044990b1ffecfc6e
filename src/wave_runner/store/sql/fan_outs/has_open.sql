-- Whether any fan-out is open: as a rule none is, and every runner asks again and again.
SELECT EXISTS (SELECT FROM fan_outs WHERE closed_at IS NULL) AS has_open
