"""The schema's way from version to version; Alembic reads this folder."""
