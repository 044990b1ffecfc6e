"""A record on its way: its interactions end in any order, and each join is decided when a plain look at the graph says.

The look knows nothing of inputs that settle: it asks what is still under way, where that leads, and what has arrived.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.support.workflows import Walk, accepted

from wave_runner.core import graph
from wave_runner.core.flow import Flow, Place
from wave_runner.core.joining import Resolution
from wave_runner.core.workflow import Join, Workflow


def has_a_join_and_no_loop(made: Workflow) -> bool:
    return any(step.after for step in made.steps.values()) and not Flow(made.steps).loops.all


class Record(RuleBasedStateMachine):
    """One record of a random workflow that the linter accepts."""

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        made = next(accepted(seed, like=has_a_join_and_no_loop))
        self.steps = made.steps
        self.walk = Walk(Flow(made.steps), random.Random(seed))
        self.walk.waiting.append(Place(step="s0"))
        self.decided: dict[Place, Resolution] = {}

    @rule(nth=st.integers(0, 99), seed=st.integers(0, 2**32))
    def something_ends(self, nth: int, seed: int) -> None:
        if self.walk.waiting:
            self.walk.dice = random.Random(seed)
            self.walk.do(self.walk.waiting.pop(nth % len(self.walk.waiting)))

    @invariant()
    def what_was_decided_stays_so(self) -> None:
        assert self.decided.items() <= self.walk.resolved.items()
        self.decided = dict(self.walk.resolved)

    @invariant()
    def each_join_is_decided_when_nothing_can_come_any_more_and_by_what_has_come(self) -> None:
        for join in self.joins():
            assert self.walk.resolved.get(Place(step=join)) is self.expected(join), join

    def teardown(self) -> None:
        """Let everything end: every join that anything could have come to is decided then."""
        while self.walk.waiting:
            self.something_ends(0, len(self.walk.done))
        assert self.walk.joins.keys() == self.walk.resolved.keys()

    # ─── the plain look ──────────────────────────────────────────────────────────────────────────────

    def joins(self) -> list[str]:
        return [name for name, step in self.steps.items() if step.after]

    def expected(self, join: str) -> Resolution | None:
        """Return what a join must be by now; None while something may still come, or nothing ever could."""
        arrived = sum((ways or []).count(join) for ways in self.walk.taken.values())
        rule = self.steps[join].join
        if rule is Join.ANY and arrived:
            return Resolution.GO
        if not self.was_possible(join) or self.may_still_come(join):
            return None
        broken = self.is_broken(join)
        if arrived and rule is Join.ALL and not broken:
            return Resolution.GO
        if rule is Join.SETTLED and (arrived or broken):
            return Resolution.GO
        return Resolution.SKIP if broken else Resolution.LEAVE_OUT

    def was_possible(self, join: str) -> bool:
        """Say whether anything that has ended could have led to the join, without another join between."""
        ended = [place.step for place in self.walk.taken] + [
            place.step for place, found in self.walk.resolved.items() if found is not Resolution.GO
        ]
        return any(join in self.directly_behind(name) for name in ended)

    def may_still_come(self, join: str) -> bool:
        """Say whether something under way can lead to the join, if need be through others that are not decided yet."""
        closed = {place.step for place in self.walk.resolved}
        under_way = {place.step for place in self.walk.waiting}
        seen: set[str] = set()
        while under_way:
            name = under_way.pop()
            seen.add(name)
            behind = self.directly_behind(name)
            if join in behind:
                return True
            under_way |= {one for one in behind if self.steps[one].after} - closed - seen
        return False

    def is_broken(self, join: str) -> bool:
        """Say whether something has broken that would have led to the join."""
        lost = [place.step for place, ways in self.walk.taken.items() if ways is None]
        lost += [place.step for place, found in self.walk.resolved.items() if found is Resolution.SKIP]
        return any(join in self.directly_behind(name) for name in lost)

    def directly_behind(self, name: str) -> set[str]:
        """Return what can follow a step without a join between, such joins included."""
        found: set[str] = set()
        waiting: list[str] = list(self.ways_on(name))
        while waiting:
            if (one := waiting.pop()) not in found:
                found.add(one)
                waiting += () if self.steps[one].after else self.ways_on(one)
        return found

    def ways_on(self, name: str) -> Iterable[str]:
        return graph.follows(self.steps[name])


TestRecord = Record.TestCase
TestRecord.settings = settings(max_examples=60, stateful_step_count=15)
