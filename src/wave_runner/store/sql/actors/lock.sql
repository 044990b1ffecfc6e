SELECT actor_id FROM actors WHERE name = %(name)s FOR NO KEY UPDATE
