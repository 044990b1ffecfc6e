-- Which of some roles there are.
SELECT rolname FROM pg_roles WHERE rolname = ANY (%(names)s::text[])
