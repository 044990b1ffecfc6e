"""Which free texts a runner has lately seen answered, so that one text for many records is noticed.

Each answer of a model is recorded as soon as it is there, so nobody ever has a wave's answers side by side: this memory
stands in for that. It belongs to one runner, outlives its waves, and forgets what has not been seen for long.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field, replace

from wave_runner.core.guards import free_texts
from wave_runner.core.outcome import Breach, Done
from wave_runner.runner.prepare import Ready

REMEMBERED = 4096
"""Texts of each step of a run; some 200 bytes each."""
STEPS = 32
"""Steps whose texts are remembered, those that were answered last: a runner may live through any number of runs."""


@dataclass
class _Seen:
    """Who gave one text as an answer: interactions by record, each with an input that no other one had."""

    by_record: dict[int, int] = field(default_factory=dict)
    inputs: set[bytes] = field(default_factory=set)

    def add(self, ready: Ready, most: int) -> None:
        """Note an answer. Records with one and the same input may well have the same text, and count as one."""
        record_id, given = ready.item.record_id, hashlib.blake2b(ready.text.encode(), digest_size=16).digest()
        if record_id is None or record_id in self.by_record or given in self.inputs or len(self.inputs) >= most:
            return
        self.by_record[record_id] = ready.item.interaction_id
        self.inputs.add(given)


class Texts:
    """The memory. `check` is asked about every answer that has passed all else."""

    def __init__(self) -> None:
        self._steps: OrderedDict[int, OrderedDict[bytes, _Seen]] = OrderedDict()

    def check(self, ready: Ready, done: Done) -> tuple[Done | Breach, tuple[int, ...]]:
        """Return the answer, or the breach of `same_text` with the interactions that gave the same text before."""
        most = ready.step.pinned.step.guards.same_text
        if not most or ready.item.record_id is None:
            return done, ()
        listed = ready.step.contract.listed if ready.step.contract else frozenset[str]()
        for key, path in free_texts(done.output, listed).items():
            seen = self._seen(ready.item.run_step_id, key)
            seen.add(ready, most)
            if len(seen.inputs) >= most:
                return _breach(ready, done, path, most), _others(ready, seen)
        return done, ()

    def _seen(self, run_step_id: int, key: bytes) -> _Seen:
        step = self._steps.setdefault(run_step_id, OrderedDict())
        self._steps.move_to_end(run_step_id)
        if len(self._steps) > STEPS:
            self._steps.popitem(last=False)
        seen = step.setdefault(key, _Seen())
        step.move_to_end(key)
        if len(step) > REMEMBERED:
            step.popitem(last=False)
        return seen


def _breach(ready: Ready, done: Done, path: str, most: int) -> Breach:
    message = f"{path}: {most} records or more with different inputs got this one text"
    breach = Breach(rule="same_text", message=message, retry=ready.step.pinned.model is not None)
    return replace(breach, evidence=done.evidence, usage=done.usage)


def _others(ready: Ready, seen: _Seen) -> tuple[int, ...]:
    return tuple(one for one in seen.by_record.values() if one != ready.item.interaction_id)
