"""What the store must hold, told by plain dictionaries: the other half of `tests/store/test_store_machine.py`.

One workflow, written out by hand here: a record goes from `count` to `left` and `right` and, when both have completed,
to `meet`. Where `count` fails its way leads to `note`; whatever else breaks takes with it what would have come.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

STEPS = """\
count:
  actor: count
  input: {text: record.text}
  writes: [items.words]
  on_failure: note
  next: {all: [left, right]}
note: {actor: note, next: end}
left: {actor: left, next: meet}
right: {actor: right, next: meet}
meet: {actor: meet, after: [left, right], next: end}
"""
RUN = "run"
NAMES = ("count", "note", "left", "right", "meet")
BRANCHES = ("left", "right")
BEHIND = {"count": (*BRANCHES, "meet"), "note": (), "left": ("meet",), "right": ("meet",), "meet": ()}

MAX_ATTEMPTS = 3
MAX_CRASHES = 3

COMPARED = ("state", "attempt", "errors", "crashes", "suspect", "wave_id", "ready", "handled", "rank")
UNFINISHED = ("pending", "running", "blocked")
BROKEN = ("failed", "quarantined", "cancelled", "skipped")


class Ready(enum.StrEnum):
    """Whether work may be claimed as far as its time is concerned."""

    NOW = "now"
    DUE = "due"  # its time has come, and nobody has looked yet
    LATER = "later"
    PARKED = "parked"  # its run is paused


class Outcome(enum.StrEnum):
    """What becomes of an item that has begun."""

    COMPLETED = "completed"
    RETRIED = "retried"
    DELAYED = "delayed"
    OUTAGE = "outage"  # nobody is charged
    FAILED = "failed"
    QUARANTINED = "quarantined"


@dataclass(kw_only=True)
class Work:
    """One interaction that is in force."""

    record: int
    step: str
    rank: int
    state: str = "pending"
    attempt: int = 0
    errors: int = 0
    crashes: int = 0
    suspect: int | None = None
    wave_id: int | None = None
    ready: Ready = Ready.NOW
    handled: bool = False
    interaction_id: int = 0  # as soon as the table has said it

    @property
    def is_retryable(self) -> bool:
        return self.state in ("failed", "quarantined") and not self.handled

    @property
    def breaks_its_record(self) -> bool:
        return self.is_retryable or self.state == "cancelled"


@dataclass(kw_only=True)
class Claimed:
    """A wave as its runner remembers it, whatever has become of it."""

    wave_id: int
    runner: int
    works: list[Work]
    is_open: bool = True
    has_lapsed: bool = False

    def holds(self, state: str) -> list[Work]:
        return [work for work in self.works if work.wave_id == self.wave_id and work.state == state]


@dataclass(kw_only=True)
class Model:
    """A run, and what everybody has done to it."""

    works: dict[tuple[int, str], Work] = field(default_factory=dict)
    waves: list[Claimed] = field(default_factory=list)
    aside: Counter[tuple[int, str]] = field(default_factory=Counter)  # skipped, and out of force
    records: dict[int, str] = field(default_factory=dict)
    ranks: dict[int, int] = field(default_factory=dict)
    words: dict[int, int | None] = field(default_factory=dict)
    late: int = 0
    accepted: int = 0
    run: str = "running"
    paused: set[str] = field(default_factory=set)  # actors, which are named as their steps, and the run
    is_cancelled: bool = False

    # ─── questions ───────────────────────────────────────────────────────────────────────────────────

    @property
    def is_held(self) -> bool:
        return RUN in self.paused or self.is_cancelled

    def live(self, record: int) -> int:
        return sum(work.record == record and work.state in UNFINISHED for work in self.works.values())

    @property
    def lapsed(self) -> list[Claimed]:
        return [wave for wave in self.waves if wave.is_open and wave.has_lapsed]

    def pending(self, step: str) -> bool:
        return any(work.step == step and work.state == "pending" for work in self.works.values())

    def claimable(self, step: str, size: int) -> list[Work]:
        """Return what a claim gives: the front of the queue, and only those that are as suspect as its head."""
        if self.is_held or step in self.paused:
            return []
        front = sorted(
            (work for work in self.works.values() if work.step == step and self._waits(work)),
            key=lambda work: (work.rank, work.interaction_id),
        )[:size]
        alike = [work for work in front if work.suspect == front[0].suspect]
        return alike[: front[0].suspect or size] if front else []

    def _waits(self, work: Work) -> bool:
        return work.state == "pending" and work.wave_id is None and work.ready is Ready.NOW

    def standing(self) -> dict[tuple[int, str], dict[str, object]]:
        """Return what the table must say of each interaction in force, by its record and step."""
        return {place: {name: getattr(work, name) for name in COMPARED} for place, work in self.works.items()}

    # ─── moves ───────────────────────────────────────────────────────────────────────────────────────

    def seed(self, records: Sequence[int], rank: int) -> None:
        for record in records:
            self.records[record], self.ranks[record], self.words[record] = "live", rank, None
            self._make(record, "count")

    def claim(self, wave_id: int, runner: int, works: list[Work]) -> Claimed:
        for work in works:
            work.wave_id = wave_id
        self.waves.append(Claimed(wave_id=wave_id, runner=runner, works=works))
        return self.waves[-1]

    def begin(self, works: Sequence[Work]) -> None:
        for work in works:
            work.state, work.attempt = "running", work.attempt + 1

    def end(self, work: Work, outcome: Outcome) -> None:
        """Apply what became of an item that its wave still holds."""
        work.errors += outcome not in (Outcome.COMPLETED, Outcome.OUTAGE)
        if outcome in (Outcome.RETRIED, Outcome.DELAYED, Outcome.OUTAGE):
            work.state, work.wave_id = "pending", None
            work.ready = Ready.DUE if outcome is Outcome.RETRIED else Ready.LATER
            return
        self.accepted += outcome is Outcome.COMPLETED
        work.handled = outcome is Outcome.FAILED and work.step == "count"
        self._finish(work, str(outcome))

    def refuse(self, work: Work) -> None:
        """Quarantine what has not begun, because its input breaks the contract."""
        self._finish(work, "quarantined")

    def give_back(self, wave: Claimed, *, size: int, crashed: bool) -> None:
        """Give back what a wave holds; what had begun and was alone in a crash is charged."""
        for work in wave.holds("pending"):
            work.wave_id = None
        charged = crashed and size == 1
        for work in wave.holds("running"):
            work.crashes += charged
            work.suspect = max(1, size // 2) if crashed else work.suspect
            if work.crashes >= MAX_CRASHES:
                suspect = work.suspect
                self._finish(work, "quarantined")
                work.suspect = suspect
            else:
                work.state, work.wave_id = "pending", None

    def close(self, wave: Claimed) -> None:
        """Close a wave; what it has not done goes back, uncharged."""
        if wave.is_open:
            self.give_back(wave, size=len(wave.works), crashed=False)
            wave.is_open = False

    def expire(self, wave: Claimed, *, crashed: bool) -> None:
        self.give_back(wave, size=len(wave.works), crashed=crashed)
        wave.is_open = False

    def cancel(self, of: Callable[[Work], bool]) -> int:
        """Cancel what can be, until nothing is left of it; return how much it was."""
        total = 0
        while found := [one for one in self.works.values() if of(one) and one.state in ("pending", "running")]:
            for work in found:
                work.wave_id = work.wave_id if work.state == "running" else None
                self._finish(work, "cancelled")
            total += len(found)
        return total

    def retry(self, works: Sequence[Work]) -> None:
        for work in works:
            work.state, work.errors, work.crashes, work.wave_id = "pending", 0, 0, None
            work.suspect, work.ready = None, Ready.NOW
            self.records[work.record] = "live"
            self._set_aside(work)
        if works:
            self.run = "running"

    def settle(self) -> None:
        """Say what has become of the records that have ended, and of the run when nothing lives any more."""
        for record, state in self.records.items():
            if state == "ended":
                broken = any(one.breaks_its_record for one in self.works.values() if one.record == record)
                self.records[record] = "incomplete" if broken else "completed"
        if "live" not in self.records.values():
            fine = "failed" if "incomplete" in self.records.values() else "completed"
            self.run = "cancelled" if self.is_cancelled else fine

    def become(self, before: Ready, after: Ready) -> None:
        for work in self.works.values():
            work.ready = after if work.ready is before else work.ready

    def park(self) -> None:
        for work in filter(self._waits, self.works.values()):
            work.ready = Ready.PARKED

    # ─── what follows from an end ────────────────────────────────────────────────────────────────────

    def _make(self, record: int, step: str, state: str = "pending") -> None:
        assert (record, step) not in self.works, "made twice"
        self.works[record, step] = Work(record=record, step=step, rank=self.ranks[record], state=state)

    def _finish(self, work: Work, state: str) -> None:
        work.state, work.suspect, work.ready = state, None, Ready.NOW
        record, goes = work.record, state == "completed"
        if work.step == "count" and (goes or not work.handled):
            for name in BRANCHES:
                self._make(record, name, "pending" if goes else "skipped")
            self._join(record, arrived=False)
        elif work.step == "count":
            self._make(record, "note")
        elif work.step in BRANCHES:
            self._join(record, arrived=goes)
        if not self.live(record):
            self.records[record] = "ended"

    def _join(self, record: int, *, arrived: bool) -> None:
        """Decide about `meet`: it goes, it is skipped, or, with the first that arrives, it is there and waits."""
        states = [self.works[record, name].state for name in BRANCHES]
        if all(state == "completed" for state in states):
            self._decide(record, "pending")
        elif all(state == "completed" or state in BROKEN for state in states):
            self._decide(record, "skipped")
        elif arrived and (record, "meet") not in self.works:
            self._make(record, "meet", "blocked")

    def _decide(self, record: int, state: str) -> None:
        if (record, "meet") not in self.works:
            self._make(record, "meet", state)
        self.works[record, "meet"].state = state

    def _set_aside(self, work: Work) -> None:
        """Put out of force what was skipped because of a step that is tried again."""
        for name in BEHIND[work.step]:
            place = (work.record, name)
            if place in self.works and self.works[place].state == "skipped":
                del self.works[place]
                self.aside[place] += 1
