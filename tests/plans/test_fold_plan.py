"""A batch of the log is folded without a look at what has been folded before."""

from __future__ import annotations

from uuid import UUID

import pytest
from tests.plans.explained import explained, most_at_once
from tests.store.test_projections import copy_of, fold, on, superuser
from tests.support import histories
from tests.support.database import fresh_database

from wave_runner.core.projection import Told
from wave_runner.store import projections as stored
from wave_runner.store.database import Database

EVENTS, BATCH, EACH = 6_000, 100, 4


def event(n: int) -> Told:
    """Return one of `EACH` events of one of many records."""
    flow, seq = str(UUID(int=n // EACH)), n % EACH + 1
    told = Told(n, 1, 1, "interaction_started", n // EACH + 1, seq, None, flow, "count", "{}", histories.BEGAN_US)
    settled = histories.settled([str(UUID(int=max(0, n - BATCH) // EACH))], [])
    return told if n % BATCH else told._replace(type="records_settled", interaction_id=None, seq=None, data=settled)


@pytest.mark.parametrize("analysed", [True, False], ids=["with statistics", "without statistics"])
def test_a_fold_looks_at_its_batch_and_at_what_that_is_about(analysed: bool, session_database: str, migrated: str):
    with fresh_database(session_database, template=migrated) as url, superuser(session_database, url) as connection:
        size = histories.write(connection, [event(n) for n in range(EACH, EVENTS)])

        async def looked_at(database: Database) -> float:
            live = await copy_of(database, "live")
            await fold(database, live, before=size - BATCH)
            if analysed:
                for table in ("event_log", "interaction_events", "record_states", "record_counts"):
                    connection.execute(f"ANALYZE {table}")
                connection.commit()
            async with database.transaction() as inside:
                await inside.answers()
                given = stored.parameters(live.projection_id, size - BATCH, before=size)
                return most_at_once(await explained(inside, "projections/fold_record_states", given))

        assert on(url, looked_at) <= 3 * BATCH
