"""Which queue a lane serves next, and how large a wave to claim. Pure: the runner asks, and does what it is told.

Policy of a model lane: stay with the resident model until it is drained, and linger while scripts still feed it;
then take the queue that stands earliest in its workflow, because what it produces feeds the later ones. For one
workflow started as a batch this loads each model as often as its name stands in the chain of steps, which is the
minimum (docs/explanation/waves.md). Work that is far ahead by priority or age goes before all of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

STEP = 60
# A load costs much more than a script's turn: for so many steps only, the resident model is left before it is drained.
STEPS_WORTH_A_LOAD = 10
# How long what comes to a queue may gather, for each other runner that was at it lately: a wave costs something,
# however little is in it, and all runners together should not open more of them than one alone would.
GATHER_S = 0.125
LONGEST_GATHER_S = 1.0
LATELY_S = 1.0
# What the items of a wave are given and give, all together: it is in memory several times on its way to the database.
WAVE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A queue with claimable work, as the store counts it. `waiting` stops at a cap."""

    queue_id: int
    work_key: str
    template: str
    position: int  # of the head's step in its workflow
    waiting: int
    head_age_s: float
    rank: int = 0  # of the head: lower goes first; a step of priority, or an hour, is STEP
    head: int = 0  # the interaction that goes first
    others: int = 0  # runners, beside the one that asks, that have opened a wave on it within LATELY_S


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The queue to serve, and why; the reason stands in the `wave_opened` event."""

    queue: Waiting
    reason: str


@dataclass(frozen=True, kw_only=True)
class Linger:
    """Nothing to do now, but the resident model is still being fed: switching away would cost a load."""

    work_key: str


def choose(waiting: Sequence[Waiting], *, resident: str | None, feeding: bool) -> Choice | Linger | None:
    """Choose for a model lane. `resident` is the loaded model's work key, `feeding` whether more is coming for it."""
    mine = [queue for queue in waiting if queue.work_key == resident]
    pressing = _ahead(waiting, by=STEP * STEPS_WORTH_A_LOAD)
    if mine and not any(queue in mine for queue in pressing):
        return Choice(queue=min(pressing, key=_order), reason="far ahead")
    if mine:
        return Choice(queue=min(_ahead(mine, by=STEP), key=_order), reason="drain")
    if resident is not None and feeding:
        return Linger(work_key=resident)
    if not waiting:
        return None
    return Choice(queue=min(_ahead(waiting, by=STEP), key=_order), reason="earliest step")


def choose_script(waiting: Sequence[Waiting]) -> Choice | None:
    """Choose for a script lane: of what is ahead the latest step, so that a record that began is finished soon."""
    if not waiting:
        return None
    return Choice(
        queue=max(_ahead(waiting, by=STEP), key=lambda queue: (queue.position, queue.head_age_s)), reason="latest step"
    )


def gathers(queue: Waiting, *, enough: int, dice: float) -> bool:
    """Say whether to leave a queue to those who were at it lately, until there is enough or the head has waited long.

    Many runners that take each record as it comes would open a wave for each record. `dice`, from 0 to 1, is each
    one's own: whoever may come first takes what there is, and the others find nothing to fight for.
    """
    if not queue.others or queue.waiting >= enough:
        return False
    # A clock that was set back makes ages negative.
    return max(0.0, queue.head_age_s) < min(LONGEST_GATHER_S, GATHER_S * queue.others) * (1 + dice)


def is_pressing(queue: Waiting, among: Iterable[Waiting]) -> bool:
    """Say whether a queue is a step of priority ahead of another: then it is done first, however little it is."""
    return any(queue.rank + STEP <= other.rank for other in among)


def _ahead(waiting: Sequence[Waiting], *, by: int) -> list[Waiting]:
    """Return the queues that no other is ahead of by so much."""
    best = min((queue.rank for queue in waiting), default=0)
    return [queue for queue in waiting if queue.rank < best + by]


def _order(queue: Waiting) -> tuple[int, str, float]:
    # Inside a model one template after the other: the server keeps the common prefix.
    return (queue.position, queue.template, -queue.head_age_s)


def wave_size(*, service_s: float | None, lease_s: float, concurrency: int, largest: int) -> int:
    """Return how many to claim: about one lease of measured work, at least what runs at once.

    `service_s` is the measured time of one item, None when nothing has been measured yet.
    """
    if service_s is None:
        return concurrency
    if service_s <= 0:
        return largest
    return max(concurrency, int(min(largest, lease_s * concurrency / service_s)))


def fitting(item_bytes: float) -> int:
    """Return how many items of this size a wave may have: one at least, and any number of those that have none."""
    return max(1, int(WAVE_BYTES / max(item_bytes, 1.0)))
