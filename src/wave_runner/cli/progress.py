"""How far a run is: one line a step on a terminal, rewritten in place; else one line every ten seconds."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from wave_runner.reports import live

if TYPE_CHECKING:
    from wave_runner.store.database import Database

REFRESH_S = 0.5
PLAIN_S = 10.0
WIDTH = 24


class Progress:
    """Shows a run's counts as they are in the database; `show` is cheap to call often."""

    def __init__(self, database: Database, run_id: int, *, show: Callable[[str], None] | None = None) -> None:
        self._database = database
        self._run_id = run_id
        self._terminal = sys.stderr.isatty()
        self._write = show or self._to_stderr
        self._shown_at = 0.0
        self._lines = 0
        self._began = time.monotonic()
        self._first: dict[str, tuple[float, int]] = {}

    async def show(self, *, last: bool = False) -> None:
        """Show the present counts, if it is time to."""
        now = time.monotonic()
        if not last and now - self._shown_at < (REFRESH_S if self._terminal else PLAIN_S):
            return
        self._shown_at = now
        counts = await live.by_step(self._database, self._run_id)
        loads = await live.model_loads(self._database, self._run_id)
        lines = [self._line(step, states, now) for step, states in _grouped(counts).items()]
        lines.append(f"{'model loads':<{WIDTH}}{loads:>7}   {now - self._began:.0f} s")
        self._put(lines)

    def close(self) -> None:
        """Leave the last picture on the terminal."""
        self._lines = 0

    def _line(self, step: str, states: Mapping[str, int], now: float) -> str:
        total = sum(states.values())
        waiting = states.get("pending", 0) + states.get("running", 0)
        done = total - waiting - states.get("waiting", 0)
        if done:  # a step's rate counts from when it began to move, not from when it was first seen waiting
            self._first.setdefault(step, (now, done))
        since, before = self._first.get(step, (now, done))
        rate = (done - before) / (now - since) if now > since else 0.0
        told = {name: n for name, n in states.items() if name in {"failed", "quarantined", "waiting"} and n}
        parts = [f"{step:<{WIDTH}}{done:>7} of {total:<7}"]
        if waiting and rate > 0:
            parts.append(f"{rate:7.1f}/s  {waiting / rate:5.0f} s left")
        parts += [f"{name} {n}" for name, n in told.items()]
        return "  ".join(parts)

    def _put(self, lines: list[str]) -> None:
        if self._terminal and self._lines:
            self._write(f"\x1b[{self._lines}F\x1b[J")
        self._write("\n".join(lines) + "\n")
        self._lines = len(lines)

    def _to_stderr(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


def _grouped(counts: list[live.StepCount]) -> dict[str, dict[str, int]]:
    grouped: dict[str, dict[str, int]] = defaultdict(dict)
    for count in counts:
        grouped[count.step][count.state] = count.n
    return grouped
