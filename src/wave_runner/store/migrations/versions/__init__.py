"""One module a version; each runs the SQL file of its number."""
