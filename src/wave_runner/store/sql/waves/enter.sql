-- What is left of a wave is asked of the model that this visit has brought into memory.
UPDATE waves SET visit_id = %(visit_id)s WHERE wave_id = %(wave_id)s AND closed_at IS NULL
