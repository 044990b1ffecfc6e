"""What a run has come to when nothing of it lives any more: is it what it should be, and what is odd about it?"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from wave_runner.core.conditions import ConditionError, condition

ENOUGH_RUNS = 3  # to know what is usual
DROP = 0.5  # of what is usual; less is a sudden drop


@dataclass(frozen=True, kw_only=True)
class Tally:
    """A run's numbers at its end. `saved` are the records that a value of its own stands for, new or as before."""

    records: int
    completed: int
    incomplete: int
    staged: int
    promoted: int
    rejected: int
    saved: int
    updated: int = 0  # staged rows of records that were there: what the workflow reads of them has changed
    unchanged: int = 0  # or has not


@dataclass(frozen=True, kw_only=True)
class Alert:
    """Something that somebody should look at: its kind, and what it is in one sentence."""

    kind: str
    message: str


NUMBERS = tuple(field.name for field in fields(Tally))


def broken(ensures: Sequence[str], tally: Tally, outputs: Mapping[str, Any]) -> list[str]:
    """Return every condition on the run that does not hold. `outputs` are those of the steps that ran once, by name."""
    variables = {**outputs, "run": {name: getattr(tally, name) for name in NUMBERS}}
    return [reason for text in ensures if (reason := _unmet(text, variables)) is not None]


def alerts(tally: Tally, *, saves: bool, selects: bool, narrowed: bool, earlier: Sequence[int]) -> list[Alert]:
    """Return what is odd about a run. `earlier` are the completed records of like runs, `saves`: it should save.

    A run that was `narrowed` by a limit or a filter is compared with nothing. One that `selects` may find nothing new,
    and so may one whose source gives what it gave before.
    """
    found = []
    if saves and tally.records and not tally.saved:
        message = f"executed {tally.records}, saved 0: nothing was written for any record"
        found.append(Alert(kind="nothing_saved", message=message))
    if not tally.records and not selects and not tally.unchanged:
        message = f"no record came of {tally.staged} staged rows" if tally.staged else "the source gave no row"
        found.append(Alert(kind="nothing_found", message=message))
    usual = statistics.median(earlier) if len(earlier) >= ENOUGH_RUNS else 0
    if not selects and not narrowed and not (tally.updated or tally.unchanged) and tally.completed < usual * DROP:
        message = f"{tally.completed} records completed; the median of the {len(earlier)} runs before is {usual:g}"
        found.append(Alert(kind="sudden_drop", message=message))
    return found


def _unmet(text: str, variables: Mapping[str, Any]) -> str | None:
    try:
        holds = condition(text).holds(variables, {})
    except ConditionError as error:
        return f"{text}: {error}"
    return None if holds else f"{text}: does not hold"
