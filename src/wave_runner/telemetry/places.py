"""Where a span stands, computed from what it is of: whoever goes on with a record, goes on with its trace.

Ids are hashes. Those of a flow are random already, but some of their bits are fixed, and samplers go by the last ones.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Place:
    """The ids of a span: of its trace, 16 bytes, and its own, 8."""

    trace_id: int
    span_id: int


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt of an interaction. `flow` is the correlation id; no runner has done what a person decided."""

    flow: UUID
    interaction_id: int
    wave_id: int
    runner_id: UUID | None

    @property
    def place(self) -> Place:
        """Its own, in the trace of its flow: no two attempts of an interaction are in one wave."""
        return Place(of_flow(self.flow).trace_id, _id(8, "attempt", self.flow, self.interaction_id, self.wave_id))

    @property
    def wave(self) -> Place | None:
        """The wave that it was done in; None where no runner has done it."""
        return of_wave(self.runner_id, self.wave_id) if self.runner_id is not None else None


def of_flow(flow: UUID) -> Place:
    """Return the root of a flow's trace: a record's in a run, or the run's own."""
    return Place(_id(16, "trace", flow), _id(8, "root", flow))


def of_wave(runner_id: UUID, wave_id: int) -> Place:
    """Return a wave's, in a trace of its own."""
    return Place(_id(16, "wave", runner_id, wave_id), _id(8, "wave span", runner_id, wave_id))


def _id(size: int, *parts: object) -> int:
    said = "\n".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.sha256(said).digest()[:size]) or 1  # 0 is no id
