-- Nobody folds, or compares, while rows of a range go from every copy.
SELECT projection_id FROM projections ORDER BY projection_id FOR UPDATE
