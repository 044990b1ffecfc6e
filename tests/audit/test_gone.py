"""Events that are not there: both verifiers take them as gone just where a sealed order of two people names them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import bundles
from tests.support.verifying import Answer, ask, ask_node, needs_node

from wave_runner.audit.wave_verify import Event, Findings, Gone, TamperedError

WHO = {"requested_by": "ada", "approved_by": "grace"}


def stretches(indexes: list[int]) -> list[int]:
    """Return what an order names indexes by, said in the plainest way."""
    found = []
    for _, group in groupby(enumerate(sorted(indexes)), key=lambda one: one[1] - one[0]):
        of = [index for _, index in group]
        found += [of[0], of[-1] + 1]
    return found


@dataclass
class Case:
    """A log in which run 1 was dropped: the places of its events, the data of order and end, and the run of both."""

    log: bundles.Log
    of_run: list[int]
    order: dict[str, Any]
    done: dict[str, Any]
    run: int = 0
    has_order: bool = True
    is_done: bool = True
    put_back: int | None = None  # the place of an event that is there though it is gone
    taken: int | None = None  # the place of one that is not there though nobody has ordered it


def case(seed: int) -> Case:
    history = bundles.history(seed)
    of_run = [at for at, one in enumerate(history.events) if one["run"] == 1]
    log = bundles.seal(history, seed)
    runs = {"drop": "d", "first_run": 1, "last_run": 1, **WHO}
    order = {**runs, "gone": stretches([log.index_of[at] for at in of_run])}
    return Case(log, of_run, order, runs)


def written(folder: Path, seed: int, change: Callable[[Case], None], scope: str = "whole") -> tuple[Path, Case]:
    """Write the bundle of a case, with one thing changed before it is sealed."""
    made = case(seed)
    change(made)
    history, before = made.log.history, made.log.index_of
    now = history.events[-1]["recorded_us"] + 1
    said = [("drop_ordered", made.order)] * made.has_order + [("history_dropped", made.done)] * made.is_done
    for number, (type_, data) in enumerate(said):
        event = {"event_id": 10**6 + number, "type": type_, "run": made.run, "data": data}
        history.events.append(event | {"recorded_us": now + number, "db_user": "runner"})
    made.log = log = bundles.seal(history, seed)
    assert all(log.index_of[at] == index for at, index in before.items())
    gone = {log.index_of[at] for at in [*made.of_run, made.taken] if at is not None and at != made.put_back}
    left = [one for at, one in enumerate(history.events) if log.index_of[at] not in gone]
    named = {c for one in left for c in bundles.promised(one["data"])}
    history.payloads = {c: kept for c, kept in history.payloads.items() if c in named}
    if scope == "whole":
        files, what = bundles.whole(log), {"kind": "whole"}
    else:
        files, what = bundles.of_range(log, 0, len(log.entries) // 2)
        there = {int(line.split(b'"n":')[1].split(b",")[0]) for line in files["entries/000000.jsonl"].splitlines()}
        withheld = [index for index in sorted(gone - there) if index < len(log.entries) // 2]
        lines = {index: log.entries[index] + b"\n" for index in [*there, *withheld]}
        files["entries/000000.jsonl"] = b"".join(lines[index] for index in sorted(lines))
    for name in [name for name in files if name.startswith("events/")]:
        lines_of = files[name].splitlines(keepends=True)
        files[name] = b"".join(line for line in lines_of if index_in(line) not in gone)
    return bundles.write(folder, files, len(log.entries), what), made


def index_in(line: bytes) -> int:
    return int(line.split(b'"sequence":"')[1][:20])


def same(_: Case) -> None:
    """Change nothing."""


def without_order(made: Case) -> None:
    made.has_order = False


def never_done(made: Case) -> None:
    made.is_done = False


def put_back(made: Case) -> None:
    made.put_back = made.of_run[2]


def put_back_in_time(made: Case) -> None:
    made.put_back, made.is_done = made.of_run[2], False


def one_more(made: Case) -> None:
    made.taken = 0


def alone(made: Case) -> None:
    made.order = {**made.order, "approved_by": "ada"}


def of_no_runs(made: Case) -> None:
    made.order = {**made.order, "last_run": 0}


def later_ones(made: Case) -> None:
    made.order = {**made.order, "gone": [*made.order["gone"], 10**9, 10**9 + 1]}


def out_of_order(made: Case) -> None:
    made.order = {**made.order, "gone": made.order["gone"][::-1]}


def odd(made: Case) -> None:
    made.order = {**made.order, "gone": made.order["gone"][:-1]}


def of_a_run(made: Case) -> None:
    made.run = 2


GOOD = [same, never_done]
ORDERS = [alone, of_no_runs, later_ones, out_of_order, odd, of_a_run]
SEEDS = range(0, 12, 2)


@needs_node
@pytest.mark.parametrize("scope", ["whole", "range"])
def test_what_is_gone_by_an_order_is_gone(tmp_path: Path, scope: str):
    made = [written(tmp_path / f"{one.__name__}{seed}", seed, one, scope) for one in GOOD for seed in SEEDS]
    answers = [ask(folder) for folder, _ in made]
    assert [answer for answer in answers if answer.code] == []
    assert ask_node(tmp_path, [folder for folder, _ in made]) == [Answer(0)] * len(made)
    if scope == "whole":
        assert [answer.facts["dropped"] for answer in answers] == [len(one.of_run) for _, one in made]
    else:
        assert all(answer.facts["dropped"] > 0 for answer in answers)


@needs_node
def test_what_is_missing_without_an_order_is_named_and_so_is_what_is_there_after_it(tmp_path: Path):
    sins = {
        without_order: lambda made: made.of_run[0],
        one_more: lambda made: made.taken,
        put_back: lambda made: made.put_back,
    }
    for sin, place in sins.items():
        for seed in SEEDS:
            folder, made = written(tmp_path / f"{sin.__name__}{seed}", seed, sin)
            index = made.log.index_of[place(made)]
            assert (ask(folder).code, ask(folder).index) == (1, index), sin
            [node] = ask_node(tmp_path, [folder])
            assert (node.code, node.index) == (1, index), sin


@needs_node
@pytest.mark.parametrize("sin", ORDERS)
def test_an_order_that_is_none_lets_nothing_go(tmp_path: Path, sin: Callable[[Case], None]):
    folder, made = written(tmp_path / "b", 4, sin)
    first = made.log.index_of[made.of_run[0]]
    assert (ask(folder).code, ask(folder).index) == (1, first)
    [node] = ask_node(tmp_path, [folder])
    assert (node.code, node.index) == (1, first)


def order_of(number: int, gone: list[int], index: int) -> Event:
    data = {"drop": "d", "first_run": number, "last_run": number, "gone": gone, **WHO}
    return Event(index, 0, "", "drop_ordered", 0, None, None, None, None, data, [], b"")


def done_of(number: int, index: int) -> Event:
    return order_of(number, [], index)._replace(type="history_dropped")


indexes = st.sets(st.integers(0, 60))


@given(indexes, st.lists(st.tuples(indexes, st.booleans()), max_size=4), st.integers(1, 3))
def test_what_is_found_is_what_sets_say(missing: set[int], orders: list[tuple[set[int], bool]], split: int):
    gone, findings = Gone(begins=True), Findings()
    for index in sorted(missing):
        gone.miss(index)
    for number, (named, is_done) in enumerate(orders, start=1):
        pairs = stretches(sorted(named))
        for first in range(0, len(pairs), 2 * split):  # an order may take several events
            gone.add(order_of(number, pairs[first : first + 2 * split], 100), 100)
        if is_done and named:
            gone.add(done_of(number, 101), 101)
    told = gone.finish(findings, (0, 61))
    ordered = set().union(*(named for named, _ in orders)) if orders else set()
    found = {one.log_index for one in findings.sorted() if one.why == "its event is not there"}
    assert found == missing - ordered
    still = {one.log_index for one in findings.sorted() if "there still" in one.why}
    expected = [named - missing for named, is_done in orders if is_done]
    assert all(still & one for one in expected if one)
    assert still <= set().union(*expected)
    assert [one.events for one in told] == [len(named & missing) for named, _ in orders if named]


def test_nothing_is_dropped_that_nobody_has_ordered():
    with pytest.raises(TamperedError, match="nobody has ordered"):
        Gone(begins=True).add(done_of(1, 3), 3)
    Gone(begins=False).add(done_of(1, 3), 3)


@pytest.mark.parametrize("good", [put_back_in_time])
def test_until_it_is_done_an_event_may_be_there(tmp_path: Path, good: Callable[[Case], None]):
    folder, made = written(tmp_path / "b", 4, good)
    answer = ask(folder)
    first = made.log.index_of[made.put_back or 0]
    assert "it was sealed" not in answer.why
    assert answer.index != first or "there still" not in answer.why
