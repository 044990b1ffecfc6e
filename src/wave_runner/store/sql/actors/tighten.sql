-- A stricter policy holds at once. A looser one waits for the next approval.
UPDATE actors SET policy = %(policy)s WHERE name = %(name)s
