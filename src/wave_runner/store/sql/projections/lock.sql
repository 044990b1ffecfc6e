-- Who has this row folds into its copy; anybody else goes away.
SELECT projection_id, state, position, stuck_because IS NOT NULL AS stuck
FROM projections
WHERE projection_id = %(projection_id)s AND code_sha256 = %(code_sha256)s AND state <> 'retired'
FOR UPDATE SKIP LOCKED
