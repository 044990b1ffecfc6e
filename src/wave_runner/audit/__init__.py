"""Proves what has happened, to whoever trusts neither the database nor who runs it."""
