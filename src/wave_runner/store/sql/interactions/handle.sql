-- Broken, and the workflow says what happens then: the record is not incomplete because of these.
UPDATE interactions SET handled = true
WHERE run_id = ANY (%(run_ids)s::bigint[]) AND interaction_id = ANY (%(ids)s::bigint[])
