"""Epochs: the life of a log under one origin, and what an outside checkpoint says of the database's log.

An origin ends in the number of its epoch, `wave-runner/PROJECT/e1`. A new one is opened where the database's log can
no longer be the one that checkpoints outside speak of. The tree and the indexes go on; only the name is new.
"""

from __future__ import annotations

import enum
import re

from wave_runner.core.note import Checkpoint

_ORIGIN = re.compile(r"(?P<log>.+)/e(?P<epoch>[1-9]\d*)")


class Broken(enum.StrEnum):
    """Why a log must not be signed any more."""

    ROLLED_BACK = "ROLLED_BACK"  # it is shorter than a checkpoint outside says it was
    FORKED = "FORKED"  # it is long enough, and its beginning is another one


def origin_of(log: str, epoch: int) -> str:
    """Return the origin of a log in an epoch, from 1."""
    return f"{log}/e{epoch}"


def epoch_of(origin: str) -> tuple[str, int]:
    """Return the log and the number of the epoch that an origin names; ("", 0) for one that is not ours."""
    found = _ORIGIN.fullmatch(origin)
    return (found["log"], int(found["epoch"])) if found else ("", 0)


def is_ahead(outside: Checkpoint, *, origin: str, size: int) -> bool:
    """Say whether a checkpoint outside speaks of more than the database has: a later epoch, or a larger tree."""
    (log, epoch), (its_log, its_epoch) = epoch_of(origin), epoch_of(outside.origin)
    return log == its_log and (its_epoch > epoch or (its_epoch == epoch and outside.size > size))


def is_newer(one: Checkpoint, other: Checkpoint) -> bool:
    """Say whether a checkpoint is the newer one of two of the same log."""
    return (epoch_of(one.origin)[1], one.size) > (epoch_of(other.origin)[1], other.size)


def next_origin(origin: str, outside: Checkpoint | None) -> str:
    """Return the origin of the epoch after all that are known, here and outside."""
    log, epoch = epoch_of(origin)
    if outside is not None and epoch_of(outside.origin)[0] == log:
        epoch = max(epoch, epoch_of(outside.origin)[1])
    return origin_of(log, epoch + 1)
