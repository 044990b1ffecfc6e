"""Which queue a lane serves next, and how large a wave to claim. Pure: the runner asks, and does what it is told.

A model lane goes by `choose`. In this order: work that is far ahead by priority or age, and a model whose head has
waited too long, both as soon as the load of the current one has paid; the model that is loaded, until it is drained;
another one that is in memory; a model that is still being fed; nothing, while too little waits to be worth a load; and
else the next load of the cheapest plan for all courses under way (`wave_runner.core.residency`), or a moment's wait if
the work for that is still on its way. What that promises, and why, is in docs/explanation/waves.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from wave_runner.core.course import Course
from wave_runner.core.residency import Plan, Room, evictions, plan

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
class Model:
    """What is known of a model, by measurement where there is one. `name` is what reasons call it."""

    name: str
    load_s: float  # what it takes to load it
    service_s: float | None = None  # of one record, as many at once as the server does; None: not measured yet
    bytes: int = 0  # in memory; 0: not known


@dataclass(frozen=True, kw_only=True)
class Resident:
    """A model in a server's memory: how long it has worked since its load, and whether another lane is at it now."""

    work_key: str
    served_s: float = 0.0
    busy: bool = False  # then it cannot be evicted


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What a model lane chooses by, beside the queues: its server as it is at this moment, and what is on its way.

    `current` is the work key that the lane's last wave was of, if it is still resident; `fed` are those for which more
    is coming soon. `lingered_s` is how long the lane has left alone what waits, for something that is on its way.
    `models` knows every work key that is resident, waits or stands in a course. `claimed_s` has for each the seconds
    since a wave of it was last opened, by whomever; a model that never had one is not in it. `turns_s` has the same for
    each queue, by its id, and `visit_s` is how long ago the lane came to `current`. `courses` are what is ahead of the
    records of each workflow under way; without them nothing can be planned, and the queue whose step stands earliest
    in its workflow is taken instead.
    """

    resident: Sequence[Resident] = ()
    current: str | None = None
    fed: Collection[str] = ()
    lingered_s: float = 0.0
    room: Room = field(default_factory=Room)
    models: Mapping[str, Model] = field(default_factory=dict)
    claimed_s: Mapping[str, float] = field(default_factory=dict)
    turns_s: Mapping[int, float] = field(default_factory=dict)
    visit_s: float = 0.0
    courses: Collection[Course] = ()

    @property
    def load_s(self) -> Mapping[str, float]:
        return {key: model.load_s for key, model in self.models.items()}

    @property
    def size(self) -> Mapping[str, int]:
        return {key: model.bytes for key, model in self.models.items()}

    def name(self, work_key: str) -> str:
        """Return what a reason calls a model."""
        return self.models[work_key].name if work_key in self.models else work_key


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How long work may wait, and how much a load must be worth.

    A head that has waited `overdue_s` goes before whatever else the loaded model has, once that has worked `theta`
    times as long as its load took. With `fill` above 0 nothing is loaded before so many times its load's seconds of
    work wait for it, or its head has waited `linger_s`.
    """

    overdue_s: float | None = None  # None: ten minutes, or 20 times as long as loading every model once
    theta: float = 4.0
    fill: float = 0.0
    linger_s: float = 10.0

    def patience_s(self, models: Mapping[str, Model]) -> float:
        """Return after how many seconds a head is overdue."""
        if self.overdue_s is not None:
            return self.overdue_s
        return max(600.0, 20 * sum(model.load_s for model in models.values()))


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The queue to serve, what to evict for it, and why; the reason stands in the `wave_opened` event."""

    queue: Waiting
    reason: str
    evict: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Linger:
    """Nothing to do now: more is coming for the model that is loaded, or too little waits to be worth a load."""

    reason: str
    work_key: str | None = None


NOTHING_KNOWN = Memory()
USUAL = Policy()


def choose(
    waiting: Sequence[Waiting], memory: Memory = NOTHING_KNOWN, policy: Policy = USUAL
) -> Choice | Linger | None:
    """Choose for a model lane among the queues that can be claimed from now. None: there is nothing to do.

    The caller leaves out what rests, what a breaker keeps closed and what is left to other runners.
    """
    mine = [queue for queue in waiting if queue.work_key == memory.current]
    pressing = _ahead(waiting, by=STEP * STEPS_WORTH_A_LOAD)
    paid = _has_paid(memory, policy)
    if mine and paid and not any(queue.work_key == memory.current for queue in pressing):
        return _chosen(pressing, memory, "far ahead") or _chosen(mine, memory, "drain")
    if not mine or paid:
        late = _overdue([queue for queue in waiting if queue.work_key != memory.current], memory, policy)
        if late is not None:
            return _before_leaving(mine, memory) or late
    if mine:
        here = [queue for queue in pressing if queue.work_key == memory.current]
        return _drained(here or mine, memory, policy)
    there = {one.work_key for one in memory.resident}
    if here := [queue for queue in waiting if queue.work_key in there]:
        return _chosen(_ahead(here, by=STEP), memory, "resident")
    if memory.current is not None and memory.current in memory.fed:
        return Linger(reason="fed", work_key=memory.current)
    if waiting and _saves(waiting, memory, policy):
        return Linger(reason="too little for a load")
    return _planned(_ahead(waiting, by=STEP), memory) if waiting else None


def longest_wait_s(models: Mapping[str, Model], queues: Collection[str], policy: Policy, *, wave_s: float) -> float:
    """Return the seconds within which every head is served that no work far ahead is pushed in front of.

    `queues` has the work key of each queue, and `wave_s` is the longest that one wave takes. Once a head is overdue
    each other model is visited once before it at most. A visit ends after `theta` times its load, when each of the
    model's queues has had a wave; at its own model a head waits for one wave of each other queue. It holds for a lane
    that has its server to itself, also where more comes than can be done; the queue behind the head then grows all the
    same.
    """
    loads = [model.load_s for model in models.values()]
    paying_s = len(loads) * policy.theta * max(loads, default=0.0)
    waves = len(queues) + max(Counter(queues).values(), default=1) - 1
    return policy.patience_s(models) + sum(loads) + paying_s + waves * wave_s


def _has_paid(memory: Memory, policy: Policy) -> bool:
    """Say whether the current model has worked long enough for its load."""
    served_s = {one.work_key: one.served_s for one in memory.resident}
    current = memory.current
    if current is None or current not in memory.models:
        return True
    return served_s.get(current, 0.0) >= policy.theta * memory.models[current].load_s


def _overdue(others: Sequence[Waiting], memory: Memory, policy: Policy) -> Choice | None:
    """Return what has waited longest of the overdue model that was visited longest ago, if there is place for it."""
    late: dict[str, list[Waiting]] = {}
    for queue in _late(others, memory, policy):
        late.setdefault(queue.work_key, []).append(queue)
    for key in sorted(late, key=lambda key: (-memory.claimed_s.get(key, float("inf")), *_turn(late[key][0], memory))):
        if choice := _served(late[key][0], memory, policy):
            return choice
    return None


def _drained(mine: Sequence[Waiting], memory: Memory, policy: Policy) -> Choice | None:
    """Go on with the current model: first what is overdue, and else the earliest step."""
    if late := _late(mine, memory, policy):
        return _served(late[0], memory, policy)
    return _chosen(_ahead(mine, by=STEP), memory, "drain")


def _before_leaving(mine: Sequence[Waiting], memory: Memory) -> Choice | None:
    """Give each queue of the current model a turn in this visit: else one of them would soon force another."""
    left = [queue for queue in mine if memory.turns_s.get(queue.queue_id, float("inf")) > memory.visit_s]
    return _chosen([min(left, key=lambda queue: _turn(queue, memory))], memory, "before leaving") if left else None


def _late(queues: Iterable[Waiting], memory: Memory, policy: Policy) -> list[Waiting]:
    """Return the queues whose heads are overdue, the one first that had its turn longest ago."""
    patience_s = policy.patience_s(memory.models)
    late = [queue for queue in queues if _headship_s(queue, memory) >= patience_s]
    return sorted(late, key=lambda queue: _turn(queue, memory))


def _served(queue: Waiting, memory: Memory, policy: Policy) -> Choice | None:
    late_s = _headship_s(queue, memory) - policy.patience_s(memory.models)
    return _chosen([queue], memory, f"overdue by {late_s:.0f} s")


def _turn(queue: Waiting, memory: Memory) -> tuple[float, float]:
    return (-memory.turns_s.get(queue.queue_id, float("inf")), -queue.head_age_s)


def _headship_s(queue: Waiting, memory: Memory) -> float:
    """Return how long a queue's head has been its head: since it came, or the one before it was claimed."""
    return min(queue.head_age_s, memory.turns_s.get(queue.queue_id, queue.head_age_s))


def _saves(waiting: Sequence[Waiting], memory: Memory, policy: Policy) -> bool:
    """Say whether to wait for more before anything is loaded."""
    if policy.fill <= 0 or any(queue.head_age_s >= policy.linger_s for queue in waiting):
        return False
    work_s: dict[str, float] = {}
    for queue in waiting:
        model = memory.models.get(queue.work_key)
        if model is None or model.service_s is None:
            return False
        work_s[queue.work_key] = work_s.get(queue.work_key, 0.0) + queue.waiting * model.service_s
    return all(seconds < policy.fill * memory.models[key].load_s for key, seconds in work_s.items())


def _planned(ahead: Sequence[Waiting], memory: Memory) -> Choice | Linger:
    """Take the next load of the cheapest plan that something waits for, or wait a moment for the very next one."""
    found = _plan(memory)
    for number, load in enumerate(found.loads):
        mine = [queue for queue in ahead if queue.work_key == load.model]
        if mine and number == 0:
            return Choice(queue=min(mine, key=_order), reason=_told(found, memory), evict=load.evict)
        if number == 0 and _is_worth_waiting_for(load.model, memory):
            return Linger(reason=f"{_told(found, memory)}; {memory.name(load.model)} is fed", work_key=load.model)
        reason = f"{_told(found, memory)}; {memory.name(load.model)} waits"
        if mine and (choice := _chosen(mine, memory, reason)):
            return choice
    return _chosen(ahead, memory, "earliest step") or Linger(reason="no place beside the models in use")


def _is_worth_waiting_for(work_key: str, memory: Memory) -> bool:
    """Say whether to leave what waits alone: not for longer than the load takes that this may save."""
    return work_key in memory.fed and memory.lingered_s < memory.load_s[work_key]


def _plan(memory: Memory) -> Plan:
    there = [one.work_key for one in memory.resident]
    busy = [one.work_key for one in memory.resident if one.busy]
    known = [course for course in memory.courses if all(model in memory.models for model in course.models)]
    return plan(
        known,
        load_s={**dict.fromkeys(there, 0.0), **memory.load_s},
        size=memory.size,
        room=memory.room,
        resident=there,
        kept=busy,
    )


# So many loads of a plan stand in a reason; of a longer one the rest is counted.
LOADS_TOLD = 12


def _told(found: Plan, memory: Memory) -> str:
    names = [memory.name(load.model) for load in found.loads]
    more = f" and {len(names) - LOADS_TOLD} more" if len(names) > LOADS_TOLD else ""
    return f"plan{'' if found.exact else ', not exact'}: {' '.join(names[:LOADS_TOLD])}{more}"


def _chosen(queues: Sequence[Waiting], memory: Memory, reason: str) -> Choice | None:
    """Return the first of these queues whose model is there or has place, with what is needed last evicted for it."""
    there = {one.work_key for one in memory.resident}
    for queue in sorted(queues, key=_order):
        if queue.work_key in there:
            return Choice(queue=queue, reason=reason)
        out = evictions(
            queue.work_key,
            courses=memory.courses,
            size=memory.size,
            room=memory.room,
            resident=there,
            kept={one.work_key for one in memory.resident if one.busy},
        )
        if out is not None:
            return Choice(queue=queue, reason=reason, evict=out)
    return None


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
