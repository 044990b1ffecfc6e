"""How people decide: how far they agree with each other, and how often they change what an actor has proposed.

Nothing here is about one person. What somebody has said stands with each task; how good they are at it does not follow
from whom they agree with.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wave_runner.core import proposal, repeatability
from wave_runner.core.workflow import InputRef

QUICK_S = 2.0
"""Whoever decides sooner has hardly read what is shown."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """What one person has chosen: fields with an enum, a boolean or a whole number. `seconds` None: of many at once."""

    person: str
    chosen: Mapping[str, Any]
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class Decided:
    """A task that people have decided, with what they have said in its last round, in order.

    `proposed` is what it shows for the fields of its form, `proposers` the actor that each of them comes from, where
    one has made it. `answer` is what was agreed on; None where it is not kept any more.
    """

    task: int
    workflow: str
    step: str
    needs: int
    blind: bool
    said: Sequence[Said]
    answer: Mapping[str, Any] | None
    proposed: Mapping[str, Any]
    proposers: Mapping[str, str]

    @property
    def place(self) -> tuple[str, str]:
        return self.workflow, self.step

    @property
    def changed(self) -> list[str]:
        """The proposed fields for which something else was decided, or nothing."""
        return proposal.changed(self.answer, self.proposed) if self.answer is not None else []


@dataclass(frozen=True, kw_only=True)
class ReviewedStep:
    """What people have decided at one step. `median_s` is how long a decision took, from its claim.

    `quick` were decided within two seconds. Of the `several` tasks that more than one person is needed for, `differed`
    needed more people than that, as the first did not say the same.
    """

    workflow: str
    step: str
    tasks: int
    decisions: int
    people: int
    median_s: float | None
    quick: int
    several: int
    differed: int


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far those agree in one field who were asked first, in the tasks that several people are needed for.

    `agreement` is the mean share of pairs that chose the same, `kappa` Fleiss' (beyond chance; None where they always
    chose one value, and of numbers). Only where a task is `blind` none of them had seen what others chose.
    """

    workflow: str
    step: str
    field: str
    tasks: int
    blind: bool
    agreement: float
    kappa: float | None


@dataclass(frozen=True, kw_only=True)
class CorrectedField:
    """How often people have decided something else than was proposed for a field. `actor` None: the record had it."""

    workflow: str
    step: str
    field: str
    actor: str | None
    tasks: int
    changed: int
    percent: float


@dataclass(frozen=True, kw_only=True)
class CorrectedActor:
    """In how many tasks something was shown that an actor has proposed, and in how many of it was changed."""

    actor: str
    tasks: int
    changed: int
    percent: float


def proposers(
    inputs: Mapping[str, InputRef], actors: Mapping[str, str], shown: Mapping[str, Any], fields: Iterable[str]
) -> dict[str, str]:
    """Return the actor that each proposed field comes from, by the step that its input names; none for the record's.

    `actors` are those of the steps. Of an input that comes from the first of several steps, all of them are named.
    """
    found = {}
    for field, name in proposal.shown_as(shown, fields).items():
        sources = inputs[name].sources if name in inputs else ()
        steps = dict.fromkeys(source.partition(".")[0] for source in sources)
        if made_by := [actors[step] for step in steps if step in actors]:
            found[field] = " or ".join(dict.fromkeys(made_by))
    return found


def steps(decided: Iterable[Decided]) -> list[ReviewedStep]:
    """Return what was decided at each step, by name."""
    return [_step(place, tasks) for place, tasks in _by_place(decided)]


def agreement(decided: Iterable[Decided]) -> list[Agreement]:
    """Return how far people agree in each field, by step, where they agree least first."""
    several = [one for one in decided if one.needs > 1 and len(one.said) >= one.needs]
    return [found for place, tasks in _by_place(several) for found in _agreement(place, tasks)]


def corrected_fields(decided: Iterable[Decided]) -> list[CorrectedField]:
    """Return how often each field was changed, what is changed most first."""
    shown: dict[tuple[str, str, str, str | None], list[bool]] = defaultdict(list)
    for one in _kept(decided):
        for field in one.proposed:
            shown[*one.place, field, one.proposers.get(field)].append(field in one.changed)
    found = [
        CorrectedField(workflow=workflow, step=step, field=field, actor=actor, **_share(changes))
        for (workflow, step, field, actor), changes in shown.items()
    ]
    return sorted(found, key=lambda one: (-one.percent, one.workflow, one.step, one.field, one.actor or ""))


def corrected_actors(decided: Iterable[Decided]) -> list[CorrectedActor]:
    """Return how often what an actor has proposed was changed, whoever is changed most first."""
    shown: dict[str, list[bool]] = defaultdict(list)
    for one in _kept(decided):
        for actor in dict.fromkeys(one.proposers.values()):
            shown[actor].append(any(one.proposers.get(field) == actor for field in one.changed))
    found = [CorrectedActor(actor=actor, **_share(changes)) for actor, changes in shown.items()]
    return sorted(found, key=lambda one: (-one.percent, one.actor))


def _by_place(decided: Iterable[Decided]) -> list[tuple[tuple[str, str], list[Decided]]]:
    places: dict[tuple[str, str], list[Decided]] = defaultdict(list)
    for one in decided:
        places[one.place].append(one)
    return sorted(places.items())


def _kept(decided: Iterable[Decided]) -> list[Decided]:
    return [one for one in decided if one.answer is not None]


def _share(changes: Sequence[bool]) -> dict[str, Any]:
    changed = sum(changes)
    return {"tasks": len(changes), "changed": changed, "percent": round(100 * changed / len(changes), 1)}


def _step(place: tuple[str, str], tasks: Sequence[Decided]) -> ReviewedStep:
    said = [one for task in tasks for one in task.said]
    took = [one.seconds for one in said if one.seconds is not None]
    several = [task for task in tasks if task.needs > 1]
    return ReviewedStep(
        workflow=place[0],
        step=place[1],
        tasks=len(tasks),
        decisions=len(said),
        people=len({one.person for one in said}),
        median_s=statistics.median(took) if took else None,
        quick=sum(seconds < QUICK_S for seconds in took),
        several=len(several),
        differed=sum(len(task.said) > task.needs for task in several),
    )


def _agreement(place: tuple[str, str], tasks: Sequence[Decided]) -> list[Agreement]:
    first = {str(task.task): [one.chosen for one in task.said[: task.needs]] for task in tasks}
    chosen = [one for said in first.values() for one in said]
    words = {name for one in chosen for name, value in one.items() if isinstance(value, str | bool)}
    return [
        Agreement(
            workflow=place[0],
            step=place[1],
            field=one.field,
            tasks=len(first),
            blind=all(task.blind for task in tasks),
            agreement=one.agreement,
            kappa=one.kappa,
        )
        for one in repeatability.by_field(first, words)
    ]
