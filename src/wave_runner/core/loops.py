"""The loops of a workflow, one inside the other, and the number that says which round of each an interaction is in.

An interaction's `iteration` holds the rounds of all loops around its step as one number with mixed digits, outermost
first: leaving a loop drops its digit, which restores the iteration of the loop around it, and entering one adds a zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property

from wave_runner.core import graph
from wave_runner.core.workflow import Step


@dataclass(frozen=True)
class Loop:
    """The steps between `header` and the ways that lead back to it, which may be taken `most` times in a row."""

    header: str
    most: int
    body: frozenset[str]


class Loops:
    """All loops of a workflow. Rightly nested, as the linter demands, they make one line around each step."""

    def __init__(self, steps: Mapping[str, Step]) -> None:
        self._steps = steps
        self.around = cache(self._around)

    @cached_property
    def all(self) -> tuple[Loop, ...]:
        """Return every loop, outer ones first."""
        most: dict[str, int] = {}
        sources: dict[str, set[str]] = {}
        for step in self._steps.values():
            for edge in graph.edges(step):
                if edge.loop and edge.to in self._steps:
                    most[edge.to] = max(most.get(edge.to, 0), edge.loop)
                    sources.setdefault(edge.to, set()).add(step.name)
        found = [
            Loop(header, most[header], frozenset(self._body(header, sources[header]))) for header in sorted(sources)
        ]
        return tuple(sorted(found, key=lambda loop: -len(loop.body)))

    def _around(self, name: str) -> tuple[Loop, ...]:
        """Return the loops that a step is in, the outermost first."""
        return tuple(loop for loop in self.all if name in loop.body)

    def rounds(self, name: str, iteration: int) -> tuple[int, ...]:
        """Return how often each loop around a step has been gone back in, outermost first."""
        digits = []
        for loop in reversed(self.around(name)):
            iteration, digit = divmod(iteration, loop.most + 1)
            digits.append(digit)
        return tuple(reversed(digits))

    def taken(self, name: str, iteration: int) -> dict[str, int]:
        """Return the same by the name of each loop's header."""
        around = self.around(name)
        if not around:
            return {}
        return {loop.header: digit for loop, digit in zip(around, self.rounds(name, iteration), strict=True)}

    def iteration_at(self, name: str, iteration: int, to: str, *, back: bool = False) -> int:
        """Return the iteration of `to` when it is reached from a step; `back` is the way back to a loop's header."""
        rounds = self.taken(name, iteration)
        result = 0
        for loop in self.around(to):
            result = result * (loop.most + 1) + rounds.get(loop.header, 0)
            if back and loop.header == to:
                result += 1
        return result

    def _body(self, header: str, sources: set[str]) -> set[str]:
        """Return the steps on the ways from the header to `sources` that pass the header only at their start."""
        below = graph.reachable(self._steps, header)
        body = {header}
        waiting = [name for name in sources if name in below]
        while waiting:
            name = waiting.pop()
            if name not in body:
                body.add(name)
                waiting += [
                    before for before in below if name in graph.follows(self._steps[before]) and before not in body
                ]
        return body
