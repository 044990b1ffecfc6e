"""Which steps of one record can be under way at the same time: what the linter asks of forks and loops.

After a fork a record is in several places at once: it goes on as several tokens, until a join waits for them. The
relation is computed pair by pair from the forks on, and is on the safe side: it may hold for two steps that never meet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from wave_runner.core import graph
from wave_runner.core.workflow import END, Fork, Join, Step


class Token(NamedTuple):
    """A place of a record: at a step, or, `waiting`, at a join that others have not reached yet.

    `first_at` are the joins that went on with this token alone: whoever comes to them later ends there.
    """

    step: str
    waiting: bool = False
    first_at: frozenset[str] = frozenset()


Pair = frozenset[Token]


class Meeting(NamedTuple):
    """Two tokens of one record that come to the same step, which does not wait for both. `fork` is where they part."""

    step: str
    fork: str


class Tokens:
    """The tokens of a workflow whose edges all lead to steps that exist."""

    def __init__(self, steps: Mapping[str, Step]) -> None:
        self._steps = steps

    def together(self, forks: Collection[str]) -> tuple[set[Pair], set[Meeting]]:
        """Return the pairs that can be under way at once because of these forks, and where two of them meet."""
        pairs: set[Pair] = set()
        meetings: set[Meeting] = set()
        for fork in forks:
            found, met = self._from(fork)
            pairs |= found
            meetings |= {Meeting(step, fork) for step in met}
        return pairs, meetings

    def forks(self) -> list[str]:
        """Return the steps that a record can leave as several tokens."""
        return [
            step.name for step in self._steps.values() if isinstance(step.route, Fork) and len(step.route.cases) > 1
        ]

    def _from(self, fork: str) -> tuple[set[Pair], set[str]]:
        route = self._steps[fork].route
        ways = [case.to for case in route.cases if case.to != END] if isinstance(route, Fork) else []
        starts = [self._at(to, frozenset()) for to in ways]
        waiting = [frozenset({a, b}) for index, a in enumerate(starts) for b in starts[index + 1 :] if a != b]
        pairs: set[Pair] = set()
        meetings: set[str] = set()
        while waiting:
            pair = waiting.pop()
            if pair in pairs:
                continue
            pairs.add(pair)
            for mover, other in (tuple(pair), tuple(pair)[::-1]):
                for moved in self._moves(mover, other):
                    if moved.step != other.step:
                        waiting.append(frozenset({moved, other}))
                    elif not moved.waiting:
                        meetings.add(moved.step)
        return pairs, meetings

    def _moves(self, mover: Token, other: Token) -> Iterator[Token]:
        """Yield where a token can be next while the other one stays where it is."""
        if mover.waiting:
            if not self._holds_up(other, mover.step):
                yield Token(mover.step, first_at=mover.first_at)
            return
        for edge in graph.edges(self._steps[mover.step]):
            if edge.to not in other.first_at:
                yield self._at(edge.to, frozenset() if edge.loop else mover.first_at)

    def _at(self, name: str, first_at: frozenset[str]) -> Token:
        step = self._steps[name]
        if step.after and step.join is Join.ANY:
            return Token(name, first_at=first_at | {name})
        return Token(name, waiting=bool(step.after), first_at=first_at)

    def _holds_up(self, token: Token, join: str) -> bool:
        """Say whether a join cannot be done while `token` is where it is."""
        found: set[str] = set()
        waiting = [token.step]
        while waiting:
            name = waiting.pop()
            for to in graph.forward(self._steps[name]):
                if to == join:
                    return True
                # A join that does not wait for all lets go on what this token does not hold up.
                if to not in found and self._steps[to].join is not Join.ANY:
                    found.add(to)
                    waiting.append(to)
        return False
