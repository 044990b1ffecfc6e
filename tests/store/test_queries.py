"""What a script asks of the database and what it changes there: one statement each, whoever looks at the text."""

from __future__ import annotations

import asyncio

import pytest
from tests.support.projects import Ground

from wave_runner.core.outcome import Effect
from wave_runner.store import queries, records
from wave_runner.store.database import Connection, Database, DataRefused

TWO_STATEMENTS = "cannot insert multiple commands"


async def query(connection: Connection) -> None:
    text = 'SELECT 1) AS "wave:row"; COMMIT; DROP TABLE wave.project CASCADE; SELECT FROM (SELECT 1'
    await queries.query(connection, text, [])


async def effect(connection: Connection) -> None:
    await records.apply_effect(connection, Effect(statement="SELECT 1; DROP TABLE wave.project CASCADE", parameters=()))


@pytest.mark.parametrize("ask", [query, effect])
def test_a_second_statement_in_a_text_without_parameters_is_refused_by_the_database(ground: Ground, ask):
    """The texts of scripts are looked at before; this is what stands where that has been got past."""

    async def asked() -> None:
        database = Database(ground.url, schema="wave", size=1)
        await database.open()
        try:
            async with database.transaction() as connection:
                await ask(connection)
        finally:
            await database.close()

    with pytest.raises(DataRefused, match=TWO_STATEMENTS):
        asyncio.run(asked())
    assert ground.one("SELECT to_regclass('wave.project') IS NOT NULL")
