"""Definitions, work and proof: the first schema."""

from wave_runner.store.migrate import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run `sql/0001_work_and_proof.sql`."""
    run_sql("0001_work_and_proof.sql")
