"""The success rate: one definition for steps and actors."""

from __future__ import annotations


def success_percent(*, completed: int, broken: int) -> float | None:
    """Return completed of all that have settled, in percent; None while nothing has.

    `broken` are the failed and the quarantined. What was skipped or cancelled says nothing about the actor.
    """
    settled = completed + broken
    return round(100 * completed / settled, 1) if settled else None
