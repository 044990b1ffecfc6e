"""Read what reports are made of. Everything here takes a connection from `snapshot`, so that its numbers add up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from wave_runner.core.database_roles import FOR_QUERIES, RUNNER
from wave_runner.errors import DatabaseError
from wave_runner.store.database import Connection, Database, Row, Unavailable, fetch


@asynccontextmanager
async def snapshot(database: Database) -> AsyncIterator[Connection]:
    """Give a connection that reads, and sees the database as it was at its first question."""
    try:
        async with database.snapshot() as connection:
            yield connection
    except Unavailable as error:
        raise DatabaseError(
            f"the database stopped answering: {error}", hint="look whether it still runs, then try again"
        ) from error


async def newest_run(connection: Connection) -> int | None:
    """Return the run that was started last; None where there is none."""
    found: int | None = (await fetch(connection, "reports/newest_run"))[0]["run_id"]
    return found


async def delta(connection: Connection, run_id: int) -> list[Row]:
    """Return what the run's target tables held when it began and ended."""
    return await fetch(connection, "reports/delta", {"run_id": run_id})


async def cost_names(connection: Connection, lines: Sequence[Row]) -> list[Row]:
    """Return the names of what lines of a report of costs are of: step, model and record, in their order."""
    ids = {"steps": "step_of", "actors": "actor_of", "records": "record_of"}
    return await fetch(
        connection, "reports/cost_names", {name: [line[of] for line in lines] for name, of in ids.items()}
    )


async def newest_runs(connection: Connection, *, workflow: str | None, runs: int) -> list[Row]:
    """Return the newest runs, each with its workflow: all of them of one where that is asked for."""
    return await fetch(connection, "reports/newest_runs", {"workflow": workflow, "runs": runs})


async def said(connection: Connection, interactions: Sequence[tuple[int, int]]) -> list[str | None]:
    """Return what was said of some interactions, given by run and number, when they went wrong."""
    given = {"run_ids": [run for run, _ in interactions], "ids": [number for _, number in interactions]}
    return [row["error"] for row in await fetch(connection, "reports/said", given)]


async def alerts(connection: Connection, run_id: int | None, *, limit: int) -> list[Row]:
    """Return the alerts of one run, or of all, the newest first."""
    return await fetch(connection, "reports/alerts", {"run_id": run_id, "limit": limit})


async def log_status(connection: Connection) -> Row | None:
    """Return how the sealed log stands; None where there is none yet."""
    rows = await fetch(connection, "reports/log")
    return rows[0] if rows else None


async def log_alerts(connection: Connection, *, patience_s: float) -> list[Row]:
    """Return what is wrong with the sealed log; what is sealed may stay unsigned for `patience_s`."""
    return await fetch(connection, "reports/log_alerts", {"patience_s": patience_s})


async def projection_alerts(connection: Connection, *, patience_s: float) -> list[Row]:
    """Return what is wrong with projections; one may stay behind for `patience_s`."""
    return await fetch(connection, "reports/projection_alerts", {"patience_s": patience_s})


async def record_states(connection: Connection) -> list[Row]:
    """Return how many records of each workflow are in each state, as far as the projection has come."""
    return await fetch(connection, "reports/record_states")


async def drifted(connection: Connection) -> list[Row]:
    """Return the actors and workflows that are not as they were approved, the longest so first."""
    return await fetch(connection, "reports/drifted")


async def failing(connection: Connection, *, patience_s: float) -> list[Row]:
    """Return which servers, models, workflows and queues of tasks fail; one may be left alone for `patience_s`."""
    return await fetch(connection, "reports/failing", {"patience_s": patience_s})


async def not_told(connection: Connection) -> list[Row]:
    """Return how many notices were given up since one was taken; no row where none was."""
    return await fetch(connection, "reports/not_told")


async def notices(connection: Connection, *, limit: int) -> list[Row]:
    """Return what was told outside and what is still to be, the newest first."""
    return await fetch(connection, "reports/notices", {"limit": limit})


async def open_runs(connection: Connection, *, limit: int) -> list[int]:
    """Return the runs that have not ended, the newest first."""
    return [row["run_id"] for row in await fetch(connection, "reports/open_runs", {"limit": limit})]


async def in_hand(connection: Connection, *, limit: int) -> list[Row]:
    """Return the open waves of all runners."""
    return await fetch(connection, "reports/in_hand", {"limit": limit})


async def resident(connection: Connection, *, newest: int) -> list[Row]:
    """Return the model that each server at work was brought last, among so many of the newest visits."""
    return await fetch(connection, "reports/resident", {"newest": newest})


async def spending(connection: Connection, run_id: int) -> Row:
    """Return what a run has used as a whole; nothing where that is not counted."""
    rows = await fetch(connection, "reports/spending", {"run_id": run_id})
    return rows[0] if rows else {}


async def tasks(
    connection: Connection,
    *,
    run_id: int | None,
    queue: str | None,
    person: str | None,
    overdue: bool,
    after: int | None,
    limit: int,
) -> tuple[int, list[Row]]:
    """Return how many open tasks there are, and of these a page, the most urgent first."""
    given = {"run_id": run_id, "queue": queue, "person": person, "overdue": overdue, "after": after, "limit": limit}
    rows = await fetch(connection, "reports/tasks", given)
    return rows[0]["total"], [row for row in rows if row["task"] is not None]


async def waiting_for_people(connection: Connection, run_id: int) -> list[Row]:
    """Return how many tasks of a run wait in which queue."""
    return await fetch(connection, "reports/waiting_for_people", {"run_id": run_id})


async def queues_of_people(connection: Connection) -> list[Row]:
    """Return how many open tasks of all runs wait in which queue."""
    return await fetch(connection, "reports/queues_of_people")


async def idle(connection: Connection, *, silent_s: float, quiet_runs: int) -> list[Row]:
    """Return what should be under way and is not.

    A runner that is silent for so long does not count; a schedule is idle if so many of its last runs had no record.
    """
    return await fetch(connection, "reports/idle", {"silent_s": silent_s, "quiet_runs": quiet_runs})


async def budget(connection: Connection, run_id: int) -> list[Row]:
    """Return what a run was granted beyond its budgets, and what its calls have reserved: one row."""
    return await fetch(connection, "reports/budget", {"run_id": run_id})


async def run_definition(connection: Connection, run_id: int) -> list[bytes]:
    """Return the pinned steps of a run."""
    rows = await fetch(connection, "reports/definitions", {"run_id": run_id})
    return [bytes(row["body"]) for row in rows]


async def overall(connection: Connection, run_id: int) -> Row | None:
    """Return the run and what its `select` has found; None if there is no such run."""
    rows = await fetch(connection, "reports/overall", {"run_id": run_id})
    return rows[0] if rows else None


async def run(connection: Connection, run_id: int) -> Row | None:
    """Return which run it is, and the currency of its prices; None if there is no such run."""
    rows = await fetch(connection, "reports/run", {"run_id": run_id})
    return rows[0] if rows else None


async def model_loads(connection: Connection, run_id: int) -> Row:
    """Return how many loads the run's waves needed, and their time in microseconds."""
    return (await fetch(connection, "reports/model_loads", {"run_id": run_id}))[0]


async def step_counts(connection: Connection, run_id: int) -> list[Row]:
    """Return the live counts: one row for each step and state that has any."""
    return await fetch(connection, "counts/by_step", {"run_id": run_id})


async def actors(connection: Connection, run_id: int) -> list[Row]:
    """Return the actors of a run as they stand now."""
    return await fetch(connection, "reports/actors", {"run_id": run_id})


async def stale(
    connection: Connection,
    run_id: int,
    *,
    older_than_s: float | None,
    few: int,
    least_s: float,
    unmeasured_s: float,
    limit: int,
) -> list[Row]:
    """Return work that nobody seems to do; `total` on each row is how much there is beyond the limit too.

    Without `older_than_s` each queue has its own measure, `least_s` at least, once it has `few` samples; before that
    `unmeasured_s`.
    """
    given = {"older_than_s": older_than_s, "few": few, "least_s": least_s, "unmeasured_s": unmeasured_s}
    return await fetch(connection, "reports/stale", {"run_id": run_id, **given, "limit": limit})


async def reviews(connection: Connection, *, workflow: str | None, runs: int, limit: int, lately_s: float) -> list[Row]:
    """Return the tasks that people have decided in the newest runs, the newest first."""
    given = {"workflow": workflow, "runs": runs, "limit": limit, "lately_s": lately_s}
    return await fetch(connection, "reports/reviews", given)


async def recent_errors(connection: Connection, run_id: int, ids: Sequence[int]) -> list[Row]:
    """Return failures one by one, the newest first."""
    return await fetch(connection, "reports/recent_errors", {"run_id": run_id, "ids": list(ids)})


async def incomplete(connection: Connection, run_id: int, *, limit: int) -> list[Row]:
    """Return why records are incomplete, the most frequent reason first; `total` on each row counts the reasons."""
    return await fetch(connection, "reports/incomplete", {"run_id": run_id, "limit": limit})


async def rejections(connection: Connection, run_id: int) -> list[Row]:
    """Return why staged rows were rejected, the most frequent rule first."""
    return await fetch(connection, "reports/rejections", {"run_id": run_id})


async def find_flow(connection: Connection, key: str, *, collections: Sequence[str], run_id: int | None) -> Row | None:
    """Return a record's flow through a run, the newest one where no run is named; None if there is none."""
    rows = await fetch(
        connection, "reports/find_flow", {"key": key, "collections": list(collections), "run_id": run_id}
    )
    return rows[0] if rows else None


async def timeline(connection: Connection, run_id: int, record_id: int) -> list[Row]:
    """Return every interaction of a record in a run, in the order in which they were created."""
    return await fetch(connection, "reports/timeline", {"run_id": run_id, "record_id": record_id})


async def chain(connection: Connection, run_id: int, record_id: int) -> list[Row]:
    """Return a record's events and those that led to it; an interaction without any has one row with nulls."""
    return await fetch(connection, "reports/chain", {"run_id": run_id, "record_id": record_id})


async def server_facts(connection: Connection) -> Row:
    """Return what the server says of its settings, of our rights, and of what holds it up."""
    return (await fetch(connection, "reports/server_facts"))[0]


async def rights(connection: Connection) -> Row:
    """Return what this user may do in the schema, and what of that which a runner needs it may not."""
    needed = [(verb, table) for table, verbs in RUNNER.items() for verb in ("SELECT", *verbs)]
    given = {"verbs": [verb for verb, _ in needed], "tables": [table for _, table in needed]}
    return (await fetch(connection, "reports/rights", given))[0]


async def query_rights(connection: Connection, schema: str) -> Row:
    """Return as whom the project's queries are asked, and whether they may read what is the engine's."""
    tables = [table for table in RUNNER if table not in FOR_QUERIES]
    return (await fetch(connection, "reports/query_rights", {"schema": schema, "tables": tables}))[0]


async def runners(connection: Connection, *, lease_s: float) -> Row:
    """Return how many runners have been heard of within a lease, and whether there is anything for one to do."""
    return (await fetch(connection, "reports/runners", {"lease_s": lease_s}))[0]


async def readiness(connection: Connection, *, lease_s: float) -> Row:
    """Return the schema's version, how many runners are at work, and how many runs have not ended."""
    return (await fetch(connection, "reports/readiness", {"lease_s": lease_s}))[0]


async def backlog(connection: Connection, *, silent_s: float) -> Row | None:
    """Return the head of a queue that has waited longest of those that may be taken up; None where none waits."""
    rows = await fetch(connection, "reports/backlog", {"silent_s": silent_s})
    return rows[0] if rows else None


async def live_work(connection: Connection) -> list[Row]:
    """Return how many interactions of runs that have not ended are in each state, by workflow."""
    return await fetch(connection, "reports/live_work")


async def runs(
    connection: Connection, *, workflow: str | None, state: str | None, before: int | None, limit: int
) -> list[Row]:
    """Return a page of runs, the newest first."""
    asked = {"workflow": workflow, "state": state, "before": before, "limit": limit}
    return await fetch(connection, "reports/runs", asked)


async def interactions(
    connection: Connection,
    run_id: int,
    *,
    by: str,
    record_id: int | None,
    before: int,
    look: int,
    limit: int,
    step: str | None,
    state: str | None,
    error_class: str | None,
    rule: str | None,
) -> list[Row]:
    """Return a page of a run's interactions, the newest first: those before one, and of those what is asked for.

    `by` says what is looked at: all of a "record", all in "trouble", or by their "place" the newest `look`.
    """
    wanted = {"step": step, "state": state, "error_class": error_class, "rule": rule}
    where = {"run_id": run_id, "by": by, "record_id": record_id, "before": before, "look": look, "limit": limit}
    return await fetch(connection, "reports/interactions", where | wanted)


async def interactions_look(connection: Connection, run_id: int, *, before: int, look: int) -> Row:
    """Return how many interactions a look at the newest `look` of them sees, and the oldest of those."""
    return (await fetch(connection, "reports/interactions_look", {"run_id": run_id, "before": before, "look": look}))[0]


async def interaction(connection: Connection, run_id: int, interaction_id: int) -> Row | None:
    """Return one interaction as it stands; None if the run has no such interaction."""
    rows = await fetch(connection, "reports/interaction", {"run_id": run_id, "interaction_id": interaction_id})
    return rows[0] if rows else None


async def interaction_events(connection: Connection, run_id: int, interaction_id: int) -> list[Row]:
    """Return the events of one interaction in their order."""
    return await fetch(connection, "reports/interaction_events", {"run_id": run_id, "interaction_id": interaction_id})


async def interaction_calls(connection: Connection, run_id: int, interaction_id: int) -> list[Row]:
    """Return what each call of a model has used and cost for one interaction, in billionths."""
    return await fetch(connection, "reports/interaction_calls", {"run_id": run_id, "interaction_id": interaction_id})


async def interaction_evidence(connection: Connection, run_id: int, interaction_id: int) -> list[Row]:
    """Return what is kept of each attempt at one interaction."""
    return await fetch(connection, "reports/interaction_evidence", {"run_id": run_id, "interaction_id": interaction_id})


async def waves(connection: Connection, run_id: int | None, *, before: int, limit: int) -> list[Row]:
    """Return a page of waves, the newest first: of all queues, or of those that a run waits in while it is open."""
    return await fetch(connection, "reports/waves", {"run_id": run_id, "before": before, "limit": limit})


async def lanes(connection: Connection) -> list[Row]:
    """Return what each slot of each model server has in hand, and which model its server was asked for last."""
    return await fetch(connection, "reports/lanes")


async def steps_of(connection: Connection, run_id: int) -> list[str]:
    """Return the steps of a run in the order of the file."""
    return [row["step"] for row in await fetch(connection, "reports/steps_of", {"run_id": run_id})]


async def matrix(connection: Connection, run_id: int, *, after: int, limit: int) -> list[Row]:
    """Return how each record of a page stands in each step: a row for each state that it has there."""
    return await fetch(connection, "reports/matrix", {"run_id": run_id, "after": after, "limit": limit})


async def events(connection: Connection, run_id: int, *, before: int, limit: int) -> list[Row]:
    """Return a page of a run's events, the newest first."""
    return await fetch(connection, "reports/events", {"run_id": run_id, "before": before, "limit": limit})


async def list_runners(connection: Connection, *, lease_s: float, limit: int) -> list[Row]:
    """Return the runners that have not ended, those heard of within a lease first."""
    return await fetch(connection, "reports/list_runners", {"lease_s": lease_s, "limit": limit})


async def servers(connection: Connection, *, lease_s: float) -> list[Row]:
    """Return model servers, and models that have failed, with how their breakers stand; those in trouble first."""
    return await fetch(connection, "reports/servers", {"lease_s": lease_s})


async def accounts(connection: Connection) -> list[Row]:
    """Return every account as it stands, with the newest step of an actor's."""
    rows = await fetch(connection, "reports/accounts")
    keys = {"kinds": [row["kind"] for row in rows], "names": [row["name"] for row in rows]}
    stand = {(one["kind"], one["name"]): one for one in await fetch(connection, "accounts/stand", keys)}
    return [{**row, **stand[row["kind"], row["name"]]} for row in rows]


async def queues(connection: Connection, *, lease_s: float) -> list[Row]:
    """Return what waits for models and for actors that allow only so much, queue by queue, and who could do it."""
    return await fetch(connection, "reports/queues", {"lease_s": lease_s})


async def loads(connection: Connection) -> list[Row]:
    """Return how often each model was loaded on each server, and how long that takes."""
    return await fetch(connection, "reports/loads")


async def durations(connection: Connection) -> list[Row]:
    """Return how many attempts of the models of each work key took how long, by bucket."""
    return await fetch(connection, "reports/durations")


async def server(connection: Connection) -> Row:
    """Return which database this is, whom we are there, and its version."""
    return (await fetch(connection, "reports/server"))[0]


async def schema_version(connection: Connection) -> str | None:
    """Return the version of the schema."""
    rows = await fetch(connection, "reports/schema_version")
    return str(rows[0]["version"]) if rows else None


async def count_again(database: Database, run_id: int) -> dict[str, int]:
    """Count a run's interactions by state from their own rows: what the live counts must equal."""
    return {row["state"]: row["n"] for row in await database.fetch("reports/count_again", {"run_id": run_id})}


async def a_record(database: Database, run_id: int) -> str | None:
    """Return the key of a record of the run that has its verdict, a completed one if there is any."""
    rows = await database.fetch("reports/a_record", {"run_id": run_id})
    return str(rows[0]["key"]) if rows else None
