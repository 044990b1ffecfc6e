"""Which models have to leave a server's memory so that another one fits. Values in, values out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from wave_runner.core.byte_size import show
from wave_runner.core.outcome import ErrorClass, Failure, Outage


@dataclass(frozen=True, kw_only=True)
class Room:
    """What a server may hold: so many models (None: any number), and so many bytes of them (None: nobody counts)."""

    models: int | None
    memory: int | None

    def holds(self, sizes: Collection[int | None]) -> bool:
        """Say whether models of these sizes fit together. One whose size nobody knows counts as nothing."""
        few = self.models is None or len(sizes) <= self.models
        return few and (self.memory is None or sum(size or 0 for size in sizes) <= self.memory)


def to_unload(
    room: Room,
    resident: Mapping[str, int | None],
    needs: int | None,
    *,
    order: Sequence[str],
    busy: Collection[str],
    kept: Collection[str] = (),
) -> tuple[str, ...] | None:
    """Return whom to unload so that one that needs so many bytes fits beside the rest of `resident`.

    `order` is who was asked for last, the longest ago first; who is not in it was never asked for and goes before all
    others. Those that are at work go only when nobody else is left, and those that are `kept` not at all. None: then it
    has no place.
    """
    asked = {model: place for place, model in enumerate(order)}
    can_go = (model for model in resident if model not in kept)
    leaving = sorted(can_go, key=lambda model: (model in busy, asked.get(model, -1), model))
    left, gone = dict(resident), []
    while not room.holds([*left.values(), needs]):
        if not leaving:
            return None
        gone.append(leaving.pop(0))
        del left[gone[-1]]
    return tuple(gone)


def too_large(room: Room, model: str, needs: int | None, *, where: str) -> Failure | None:
    """Return the failure of a model that does not fit even alone."""
    if room.memory is None or needs is None or needs <= room.memory:
        return None
    return Failure(
        error_class=ErrorClass.PERMANENT,
        message=f"{model} needs about {show(needs)}, and {where} may use {show(room.memory)}. Raise `memory` of the "
        "server in wave.toml, set that of the model if it is known better, or take smaller weights or less context.",
        outage=Outage.MODEL,
    )


def no_room(model: str, beside: Collection[str], *, where: str) -> Failure:
    """Return the failure of a model for which what was to be unloaded makes no room."""
    return Failure(
        error_class=ErrorClass.TRANSIENT,
        message=f"{model} does not fit into {where} beside {', '.join(sorted(beside))}; one of them has to be unloaded",
        outage=Outage.MODEL,
    )
