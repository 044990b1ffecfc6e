"""Every number of every report, of a run that was stopped in the middle: by SQL, by the command, and by HTTP.

`by_sql/NAME.sql` counts a report once more, from the tables of work and the events, and shares nothing with the report.
A number that stands in one of the three and not in the others is a difference too, and so is a list that is longer.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click
import orjson
import pytest
from tests.support.mid_run import go_on, stop_in_the_middle
from tests.support.projects import Ground, Make, copied
from tests.support.serving import Served, serving

from wave_runner.cli import main
from wave_runner.cli.report import report
from wave_runner.engine import Engine
from wave_runner.store import run_sums

BY_SQL = Path(__file__).with_name("by_sql")
NUMBER = re.compile(r"-?\d+(\.\d+)?(E[+-]?\d+)?")
RUN = 1
OF_A_RUN = ("actors", "delta", "errors", "events", "matrix", "stale", "steps", "throughput", "waves")
ELSEWHERE = {"compliance dossier"}  # what the outsider's program says of one record: tests/cli/test_compliance.py
AS_COUNTED = re.compile(
    r"\.(records|staging|model_calls|from_cache|throughput)\b|\.actors\[|\.steps\[\d+\]\.(retries|average_us|median_us)"
    r"|\.(executed|saved)$|\.savers\[|\.targets\[\d+\]\.written|\.(total|total_lines)\b|\.lines\["
)
"""What is of the moment that a document names as `counted_at`."""
PARTS = ("steps", "actors", "throughput", "stale", "errors")  # of `wave status`, as their reports have them


def commands(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield every report that there is, with its name."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} ")
        else:
            yield before + name, command


def words(name: str, ground: Ground) -> list[str]:
    """Return the command that is asked."""
    match name:
        case "interaction":
            return ["report", name, str(retried(ground)), "--run", str(RUN)]
        case "cost":
            return ["report", name, "--run", str(RUN)]
        case "status":
            return ["status", "--run", str(RUN)]
    return ["report", *name.split(), *([str(RUN)] if name in (*OF_A_RUN, "interactions") else [])]


def path(name: str, ground: Ground) -> str | None:
    """Return what is asked by HTTP; None of what has no route."""
    match name:
        case "interaction":
            return f"/api/v1/interactions/{retried(ground)}?run={RUN}"
        case "status" | "runs":
            return f"/api/v1/runs{f'/{RUN}' if name == 'status' else ''}"
        case "interactions":
            return f"/api/v1/interactions?run={RUN}"
        case "compliance integrity":
            return None
    return f"/api/v1/reports/{name}{f'?run={RUN}' if name in (*OF_A_RUN, 'cost') else ''}"


def retried(ground: Ground) -> int:
    """Return an interaction that was tried twice."""
    return int(ground.one("SELECT min(interaction_id) FROM interactions WHERE attempt = 2 AND state = 'completed'"))


def counted(name: str, ground: Ground, **given: Any) -> dict[str, Decimal]:
    """Return the numbers of a report by its SQL; those of `wave status` with the reports that it is made of."""
    query = (BY_SQL / f"{name}.sql").read_text(encoding="utf-8")
    ids = {"run_id": RUN, "interaction_id": retried(ground), **given}
    document = ground.one_of(query, ids)
    for part in PARTS if name == "status" else ():
        document[part] = ground.one_of((BY_SQL / f"{part}.sql").read_text(encoding="utf-8"), ids)[part]
    return numbers(document)


def numbers(value: Any, place: str = "") -> dict[str, Decimal]:
    """Return every number of a document by its place, the lengths of lists among them; an id is a number as a text."""
    match value:
        case bool() | None:
            return {}
        case Mapping():
            return {at: n for key, item in value.items() for at, n in numbers(item, f"{place}.{key}").items()}
        case list():
            found = {f"{place}.length": Decimal(len(value))}
            return found | {at: n for i, item in enumerate(value) for at, n in numbers(item, f"{place}[{i}]").items()}
        case str() if not NUMBER.fullmatch(value):
            return {}
    return {place: Decimal(str(value))}


def shown(ground: Ground, command: list[str]) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        main.run(["--project", str(ground.folder), *command])
    return out.getvalue()


def printed(ground: Ground, command: list[str]) -> Any:
    return json.loads(shown(ground, [*command, "--json"]))


def differences(said: Mapping[str, Decimal], before: Mapping[str, Decimal], after: Mapping[str, Decimal]) -> list[str]:
    """Return where a document has another number than was counted before and after it: time has passed between them."""
    found = [f"{at} is only {'said' if at in said else 'counted'}" for at in said.keys() ^ before.keys()]
    for at in said.keys() & before.keys():
        low, high = sorted((before[at], after[at]))
        slack = abs(low) / 10**12 + Decimal("0.0000005")  # a mean in binary; a time in microseconds
        if not low - slack <= said[at] <= high + slack:
            found.append(f"{at} is {said[at]} and was counted as {low}" + (f" to {high}" if high != low else ""))
    return found


@pytest.fixture(scope="module")
def stopped(made: Callable[[Make], Ground], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with copied(made(stop_in_the_middle), tmp_path_factory.mktemp("stopped") / "project") as found:
        yield found


@pytest.fixture(scope="module")
def served(stopped: Ground) -> Iterator[Served]:
    with serving(stopped) as found:
        yield found


NAMES = sorted({"status", *(name for name, _ in commands(report))} - ELSEWHERE)


def test_every_report_is_counted_by_sql_too():
    files = {file.stem for file in BY_SQL.glob("*.sql")}
    assert files == {name.split()[-1] for name in NAMES} | {"as_of"}


@pytest.mark.parametrize("name", NAMES)
def test_sql_the_command_and_http_agree_on_every_number(name: str, stopped: Ground, served: Served):
    before = counted(name.split()[-1], stopped)
    by_command = numbers(printed(stopped, words(name, stopped)))
    asked = path(name, stopped)
    by_http = numbers(served.get(asked).json()) if asked else by_command
    after = counted(name.split()[-1], stopped)
    assert differences(by_command, before, after) == []
    assert differences(by_http, before, after) == []


def test_at_any_place_of_the_log_the_three_agree_and_the_run_that_goes_on_changes_none_of_it(
    copy_of: Callable[[Make], Ground],
):
    ground = copy_of(stop_in_the_middle)
    size = ground.one("SELECT next_index FROM log_state")
    first = ground.one(
        "SELECT min(log_index) FROM event_log JOIN interaction_events USING (run_id, event_id) WHERE run_id = %s", RUN
    )
    headers = ground.sql("SELECT log_index, entry FROM event_log WHERE kind = 1 ORDER BY log_index")
    middle = next(row for row in headers if row["log_index"] > (first + size) // 2)
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=orjson.loads(middle["entry"])["at"])
    until = min((row["log_index"] for row in headers if row["log_index"] > middle["log_index"]), default=size)
    places = {str(index): index for index in (first + 1, (first + size) // 2, size)} | {at.isoformat(): until}

    def ask(served: Served) -> dict[str, dict[str, Decimal]]:
        found = {}
        for place, before in places.items():
            expected = counted("as_of", ground, before=before)
            by_command = printed(ground, ["status", "--run", str(RUN), "--as-of", place])
            by_http = served.get(f"/api/v1/as-of?{urlencode({'at': place, 'run': RUN})}").json()
            assert by_http == by_command
            assert differences(numbers(by_command), expected, expected) == [], place
            found[place] = expected
        return found

    with serving(ground) as served:
        then = ask(served)
        assert len({str(one) for one in then.values()}) >= 3
        went_on = ground.do(go_on)
        assert went_on == "failed"
        assert ask(served) == then
        now = numbers(served.get(f"/api/v1/runs/{RUN}").json())
        assert now[".records.live"] == 0 != then[str(size)][".records.live"]


async def decide(engine: Engine) -> None:
    """Have one answer what they were asked: an interaction ends, and its record waits for its verdict."""
    maria = engine.people("maria")
    task = await maria.claim(queue="reviewers")
    assert task is not None
    await maria.decide(task.task, {"verdict": "NO"})


def old(found: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {at: n for at, n in found.items() if AS_COUNTED.match(at)}


def new(found: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {at: n for at, n in found.items() if not AS_COUNTED.match(at)}


def test_of_a_large_run_the_three_agree_on_the_moment_that_is_named_and_on_now(copy_of: Callable[[Make], Ground]):
    ground = copy_of(stop_in_the_middle)
    names = ("status", "steps", "actors", "throughput", "delta", "cost")

    def count() -> dict[str, dict[str, Decimal]]:
        return {name: counted(name, ground) for name in names}

    ground.do(lambda engine: engine.database.fetch("counts/fold"))
    then = count()
    assert ground.do(lambda engine: run_sums.keep_interim(engine.database, least=1))
    until_then = count()
    ground.do(decide)
    now = count()
    assert old(then["actors"]) != old(now["actors"])

    def ask(served: Served, name: str, *, exactly: bool) -> list[Any]:
        command, asked = words(name, ground), f"{path(name, ground)}"
        if exactly:
            command, asked = [*command, "--now"], f"{asked}{'&' if '?' in asked else '?'}now=true"
        return [printed(ground, command), served.get(asked).json()]

    with serving(ground) as served:
        asked = {name: ask(served, name, exactly=False) for name in names}
        exact = {name: ask(served, name, exactly=True) for name in names}
    until_now = count()
    for name in names:
        for document in asked[name]:
            said = numbers(document)
            assert differences(old(said), old(then[name]), old(until_then[name])) == []
            assert differences(new(said), new(now[name]), new(until_now[name])) == []
        for document in exact[name]:
            assert document["counted_at"] is None
            assert differences(numbers(document), now[name], until_now[name]) == []

    [at] = {datetime.fromisoformat(document["counted_at"]) for said in asked.values() for document in said}
    assert at == ground.one("SELECT counted_at FROM interim_sums")
    status = ["status", "--run", str(RUN)]
    text = shown(ground, status)
    assert f"records, as of {at:%H:%M:%S} UTC" in text
    assert f"retries and times as of {at:%Y-%m-%d %H:%M:%S} UTC" in text
    assert "as of" not in shown(ground, [*status, "--now"])
    with contextlib.redirect_stderr(io.StringIO()) as told:
        shown(ground, ["report", "steps", str(RUN), "--csv"])
        assert told.getvalue() == f"as of {at.isoformat()}; --now counts it now\n"
        shown(ground, [*status, "--now", "--as-of", "3"])
        assert "exclude each other" in told.getvalue()
    assert f"records and pace as of {at:%H:%M:%S} UTC" in shown(ground, ["watch", "--once", "--run", str(RUN)])
