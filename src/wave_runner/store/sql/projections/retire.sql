-- Nobody folds into it, or compares with it, any more.
UPDATE projections SET state = 'retired' WHERE projection_id = %(projection_id)s AND state = 'building'
