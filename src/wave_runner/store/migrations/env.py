"""Alembic's entry: runs the migrations on the connection that `store.migrate` hands over."""

from alembic import context

given = context.config.attributes
# All of them in one transaction, which holds the lock and the search path: an upgrade stands as a whole or not at all.
context.configure(
    connection=given["connection"],
    version_table="schema_version",
    version_table_schema=given["schema"],
)
with context.begin_transaction():
    context.run_migrations()
