"""Histories that cannot have happened, sealed and signed in good order: both verifiers name the first bad event."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support import bundles
from tests.support.verifying import Answer, ask, ask_node, needs_node

from wave_runner.audit import wave_verify

Event = dict[str, Any]
SEED = 4  # a whole log in which everything happens that is changed here


def find(events: list[Event], type_: str, after: int = -1, **wanted: Any) -> int:
    """Return the place of the first event of a type after a place."""
    return next(
        place
        for place, one in enumerate(events)
        if place > after and one["type"] == type_ and all(one.get(name) == value for name, value in wanted.items())
    )


def completed_before_it_started(history: bundles.History) -> int:
    place = find(history.events, "interaction_started", seq=1)
    history.events[place] |= {"type": "interaction_completed"}
    return place


def completed_twice(history: bundles.History) -> int:
    place = find(history.events, "interaction_fanned_out")
    history.events[place] |= {"type": "interaction_completed", "data": {}}
    return place


def skipped_while_it_runs(history: bundles.History) -> int:
    place = find(history.events, "interaction_completed")
    history.events[place] |= {"type": "interaction_skipped"}
    return place


def an_event_is_left_out(history: bundles.History) -> int:
    place = find(history.events, "interaction_started", seq=1)
    first = history.events.pop(place)
    history.payloads.pop(first["data"]["input"], None)
    return next(at for at, one in enumerate(history.events) if one.get("interaction") == first["interaction"])


def an_event_that_moves_nothing_is_left_out(history: bundles.History) -> int:
    place = find(history.events, "task_claimed")
    claimed = history.events.pop(place)
    return next(
        at for at, one in enumerate(history.events) if one.get("interaction") == claimed["interaction"] and at >= place
    )


def an_event_comes_twice(history: bundles.History) -> int:
    place = find(history.events, "interaction_completed")
    history.events.insert(place + 1, {**history.events[place], "event_id": 10**9})
    return place + 1


def its_cause_does_not_exist(history: bundles.History) -> int:
    place = next(at for at, one in enumerate(history.events) if one.get("seq") == 1 and "cause" in one)
    history.events[place]["cause"] = (10**9, 1)
    return place


def its_cause_comes_later(history: bundles.History) -> int:
    place = next(at for at, one in enumerate(history.events) if one.get("seq") == 1 and "cause" in one)
    mine = history.events[place]["interaction"]
    later = next(one for one in history.events[place + 1 :] if one.get("seq") == 1 and one["interaction"] != mine)
    history.events[place]["cause"] = (later["interaction"], 1)
    return place


def its_cause_is_a_number_too_high(history: bundles.History) -> int:
    place = next(at for at, one in enumerate(history.events) if one.get("seq") == 1 and "cause" in one)
    history.events[place]["cause"] = (history.events[place]["cause"][0], 50)
    return place


def its_cause_is_of_another_run(history: bundles.History) -> int:
    place = next(at for at, one in enumerate(history.events) if one["run"] == 2 and "cause" in one and one["seq"] == 1)
    other = next(one for one in history.events if one["run"] == 1 and one.get("seq") == 1)
    history.events[place]["cause"] = (other["interaction"], 1)
    return place


def it_is_not_caused_by_the_event_before_it(history: bundles.History) -> int:
    place = find(history.events, "interaction_completed")
    history.events[place]["cause"] = (history.events[place]["interaction"], 9)
    return place


def it_changes_its_run(history: bundles.History) -> int:
    place = find(history.events, "interaction_completed")
    history.events[place]["run"] += 1
    return place


def its_run_has_not_begun(history: bundles.History) -> int:
    history.events.pop(find(history.events, "run_started"))
    return next(at for at, one in enumerate(history.events) if "interaction" in one)


def a_decision_by_nobody(history: bundles.History) -> int:
    place = find(history.events, "task_decided")
    history.events[place]["data"]["person"] = " "
    return place


def an_approval_by_nobody(history: bundles.History) -> int:
    place = find(history.events, "actor_approved")
    del history.events[place]["data"]["by"]
    return place


def an_erasure_by_one_person(history: bundles.History) -> int:
    place = find(history.events, "payload_erased")
    history.events[place]["data"]["approved_by"] = history.events[place]["data"]["requested_by"]
    return place


def an_erasure_of_what_is_still_there(history: bundles.History) -> int:
    place = find(history.events, "payload_erased")
    history.events[place]["data"]["commitments"].append(next(iter(history.payloads)))
    return place


def a_content_is_not_there(history: bundles.History) -> int:
    kept = next(one for one in history.payloads if any(one == event["data"].get("output") for event in history.events))
    del history.payloads[kept]
    return next(at for at, one in enumerate(history.events) if kept in bundles.promised(one["data"]))


def what_was_written_is_not_there(history: bundles.History) -> int:
    kept = next(one for one in history.written if one in history.payloads)
    del history.payloads[kept]
    return next(at for at, one in enumerate(history.events) if kept in bundles.promised(one["data"]))


def restored_though_nothing_has_superseded_it(history: bundles.History) -> int:
    place = find(history.events, "interaction_superseded")
    history.events[place]["type"] = "interaction_restored"
    return place


def restored_twice(history: bundles.History) -> int:
    place = find(history.events, "interaction_restored")
    one = history.events[place]
    again = {**one, "event_id": 10**9, "seq": one["seq"] + 1, "cause": (one["interaction"], one["seq"])}
    history.events.insert(place + 1, again)
    return place + 1


def an_event_that_nobody_knows(history: bundles.History) -> int:
    place = find(history.events, "run_completed")
    history.events[place]["type"] = "run_improved"
    return place


def an_event_of_an_interaction_without_one(history: bundles.History) -> int:
    place = find(history.events, "run_completed")
    history.events[place]["type"] = "interaction_completed"
    return place


def recorded_after_it_was_sealed(history: bundles.History) -> int:
    place = len(history.events) // 2
    history.events[place]["recorded_us"] += 10**12
    return place


def dated_back(history: bundles.History) -> int:
    place = len(history.events) // 2
    history.events[place]["recorded_us"] -= 2 * 3_600_000_000
    return place


SINS: list[Callable[[bundles.History], int]] = [
    completed_before_it_started,
    completed_twice,
    skipped_while_it_runs,
    an_event_is_left_out,
    an_event_that_moves_nothing_is_left_out,
    an_event_comes_twice,
    its_cause_does_not_exist,
    its_cause_comes_later,
    its_cause_is_a_number_too_high,
    its_cause_is_of_another_run,
    it_is_not_caused_by_the_event_before_it,
    it_changes_its_run,
    its_run_has_not_begun,
    a_decision_by_nobody,
    an_approval_by_nobody,
    an_erasure_by_one_person,
    an_erasure_of_what_is_still_there,
    a_content_is_not_there,
    what_was_written_is_not_there,
    restored_though_nothing_has_superseded_it,
    restored_twice,
    an_event_that_nobody_knows,
    an_event_of_an_interaction_without_one,
    recorded_after_it_was_sealed,
    dated_back,
]


def seeded(sin: Callable[[bundles.History], int]) -> tuple[bundles.Log, int]:
    """Return a sealed history with one sin in it, and the index that the verifier must name."""
    for seed in range(SEED, 60):
        history = bundles.history(seed)
        clock = [one["recorded_us"] for one in history.events]
        try:
            place = sin(history)
        except StopIteration:
            continue  # in this history there is nothing to do it to
        if len(clock) != len(history.events):
            clock = [one["recorded_us"] for one in history.events]
        log = bundles.seal(history, seed, size=6, clock=clock)
        return log, log.index_of[place]
    raise AssertionError("no history had a place for it")


def written(folder: Path, log: bundles.Log) -> Path:
    return bundles.write(folder, bundles.whole(log), len(log.entries), {"kind": "whole"})


@pytest.mark.parametrize("sin", SINS, ids=lambda sin: sin.__name__)
def test_the_first_event_that_cannot_be_is_named(tmp_path: Path, sin):
    log, index = seeded(sin)
    answer = ask(written(tmp_path / "bundle", log))
    assert (answer.code, answer.index) == (1, index), answer.why


def test_without_a_sin_they_would_hold(tmp_path: Path):
    def nothing(history: bundles.History) -> int:
        return find(history.events, "task_decided")

    assert ask(written(tmp_path / "bundle", seeded(nothing)[0])).code == 0


@needs_node
def test_the_second_verifier_names_the_same_events(tmp_path: Path):
    made = [seeded(sin) for sin in SINS]
    places = [written(tmp_path / sin.__name__, log) for sin, (log, _) in zip(SINS, made, strict=True)]
    answers = [Answer(one.code, one.index) for one in ask_node(tmp_path, places)]
    assert answers == [Answer(1, index) for _, index in made]


def test_a_backlog_is_no_back_dating_and_what_comes_after_it_is():
    def header(index: int, at: int, count: int) -> dict[str, Any]:
        return {"at": at, "count": count, "k": 1, "n": index, "prev_root": "", "prev_size": index, "snap": ""}

    def event(recorded_us: int) -> wave_verify.Event:
        return wave_verify.Event(1, recorded_us, "u", "paused", 0, None, None, None, None, {}, [], b"")

    hour = 3_600_000_000
    seals = wave_verify.Seals(whole=True)
    seals.header(0, header(0, hour, 10), None)
    seals.header(11, header(11, 9 * hour, 5000), None)
    seals.event(12, event(2 * hour))
    seals.header(5012, header(5012, 9 * hour + 1, 10), None)
    seals.event(5013, event(3 * hour))  # of the backlog still
    seals.header(5023, header(5023, 9 * hour + 2, 10), None)
    seals.event(5024, event(8 * hour + 2))
    with pytest.raises(wave_verify.TamperedError, match="dated back"):
        seals.event(5025, event(3 * hour))


# ─── seals ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("member", "change"),
    [
        ("count", lambda value: value + 1),
        ("count", lambda value: value - 1),
        ("count", lambda value: str(value)),
        ("prev_size", lambda value: value + 1),
        ("prev_root", lambda value: value[::-1]),
        ("n", lambda value: value + 1),
        ("at", lambda value: None),
        ("k", lambda value: 3),
    ],
)
def test_a_header_that_does_not_fit_is_named(tmp_path: Path, member: str, change):
    log = bundles.seal(bundles.history(SEED), SEED, size=6)
    index = log.headers[3]
    header = json.loads(log.entries[index])
    log.entries[index] = bundles.dumped({**header, member: change(header[member])}).encode()
    answer = ask(written(tmp_path / "bundle", log))
    wrong = index + header["count"] if member == "count" else index
    assert answer.code == 1
    assert answer.index is not None
    assert index <= answer.index <= wrong + 1
