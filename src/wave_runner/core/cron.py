"""When a cron expression is due, in a time zone: the five fields of Debian's cron, clock changes included.

A job that runs at fixed hours and minutes runs once on every day that it names: in the hour that a clock change leaves
out it runs as soon as that is over, and in the hour that comes twice only the first time. A job with `*` for its hours
or minutes follows the clock as it goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from cronsim import CronSim, CronSimError

_FIELDS = 5
_CHARACTERS = 200
_WINDOWS = (timedelta(hours=1), timedelta(days=1), timedelta(days=32), timedelta(days=400))
# A leap day on a given day of the week comes every 28 years, and not in 2100.
_PROBE = datetime(2072, 1, 1, tzinfo=UTC)


class CronError(ValueError):
    """The text is no cron expression, or never comes true."""


def check(expression: str) -> None:
    """Raise CronError for an expression that has no five fields, a wrong one, or no time at which it is due."""
    if len(expression) > _CHARACTERS:
        raise CronError(f"{len(expression)} characters are too long for a cron expression")
    if len(expression.split()) != _FIELDS:
        message = "five fields: minute, hour, day of the month, month, day of the week"
        raise CronError(f"{expression!r} does not have {message}")
    try:
        CronSim(expression, _PROBE).__next__()
    except CronSimError as error:
        raise CronError(f"{expression!r}: {error}") from error
    except StopIteration:
        raise CronError(f"{expression!r} is never due") from None


def occurrences(expression: str, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    """Yield the times at which an expression is due, in UTC, each later than the one before and than `after`."""
    for due in CronSim(expression, after.astimezone(zone)):
        # A time in the hour that comes twice is meant the first time, which may lie behind us already.
        if (moment := due.astimezone(UTC)) > after:
            after = moment
            yield moment


def next_after(expression: str, zone: tzinfo, after: datetime) -> datetime | None:
    """Return the first time after `after`; None if there is none within 50 years."""
    return next(occurrences(expression, zone, after), None)


def latest(expression: str, zone: tzinfo, since: datetime, until: datetime) -> datetime | None:
    """Return the last time from `since` to `until`, both included; None if there is none.

    Looked for backwards in growing steps: how much was missed must not decide how long the answer takes.
    """
    first = since - timedelta(seconds=1)
    for start in (*(max(first, until - window) for window in _WINDOWS), first):
        found = None
        for moment in occurrences(expression, zone, start):
            if moment > until:
                break
            found = moment
        if found is not None or start == first:
            return found
    return None
