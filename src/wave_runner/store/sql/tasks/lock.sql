SELECT FROM tasks WHERE interaction_id = %(task)s FOR UPDATE
