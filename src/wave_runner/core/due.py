"""What a schedule does about the times that have come: which one is fired now, and which are missed."""

from __future__ import annotations

import enum
import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from wave_runner.core import cron

ON_TIME = timedelta(seconds=60)
"""How late a firing may be and still count as on time: cron knows no seconds."""

MOST_COUNTED = 1000


class CatchUp(enum.StrEnum):
    """What becomes of times at which nothing could be fired."""

    SKIP = "skip"  # they are missed
    ONCE = "once"  # the last of them is fired, late
    ALL = "all"  # every one of them is fired, late, one after the other


@dataclass(frozen=True, kw_only=True)
class Missed:
    """Times that are not fired: how many, counted up to `MOST_COUNTED`, and the first of them."""

    count: int
    first: datetime


@dataclass(frozen=True, kw_only=True)
class Due:
    """What to do now. `next_at` is None if the schedule is never due again."""

    fire: datetime | None
    missed: Missed | None
    next_at: datetime | None


def decide(expression: str, zone: tzinfo, catch_up: CatchUp, *, next_at: datetime, now: datetime) -> Due:
    """Decide about a schedule whose time `next_at` has come. One time is fired at most."""
    if catch_up is CatchUp.ALL:
        return Due(fire=next_at, missed=None, next_at=cron.next_after(expression, zone, next_at))
    last = cron.latest(expression, zone, next_at, now) or next_at
    fires = catch_up is CatchUp.ONCE or now - last <= ON_TIME
    behind = itertools.chain([next_at], cron.occurrences(expression, zone, next_at))
    lost = itertools.takewhile(lambda moment: moment < last or (moment == last and not fires), behind)
    count = sum(1 for _ in itertools.islice(lost, MOST_COUNTED))
    return Due(
        fire=last if fires else None,
        missed=Missed(count=count, first=next_at) if count else None,
        next_at=cron.next_after(expression, zone, last),
    )
