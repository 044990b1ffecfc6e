-- A failure that opens nothing.
UPDATE breakers SET failures = %(failures)s, error_class = %(error_class)s, reason = %(reason)s
WHERE kind = %(kind)s AND name = %(name)s
