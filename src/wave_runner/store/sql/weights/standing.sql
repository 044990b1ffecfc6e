-- Whether an actor may ask weights: those that were approved, or any others where its policy is to warn.
SELECT weights, weights_found, policy FROM actors WHERE name = %(actor)s
