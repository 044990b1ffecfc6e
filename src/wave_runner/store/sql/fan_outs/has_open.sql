-- Whether any fan-out is open and waits for no verdict on a canary: as a rule none is, and every runner asks again and again.
SELECT EXISTS (SELECT FROM fan_outs WHERE closed_at IS NULL AND begun IS DISTINCT FROM room) AS has_open
