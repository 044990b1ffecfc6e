"""Work that may be done and that nobody does: said to who asks whether work can be done, and as an alert."""

from __future__ import annotations

from tests.support.by_hand import Hand, by_hand
from tests.support.projects import Ground

from wave_runner.core.control import Subject
from wave_runner.reports.alerts import alerts
from wave_runner.reports.backlog import STUCK_S
from wave_runner.reports.ready import ready

LONG_AGO = f"clock_timestamp() - interval '{STUCK_S + 60} seconds'"


async def says(hand: Hand) -> tuple[bool, bool, str]:
    """Return whether there is an alert, whether it is ready, and what is said of the backlog."""
    [check] = [one for one in await ready(hand.engine.database, lease_s=30) if one.name == "backlog"]
    return "stuck" in {one.kind for one in await alerts(hand.engine.database)}, check.ok, check.says


def test_work_that_is_left_while_runners_are_at_work_is_told_until_somebody_takes_it_up(ground: Ground):
    ground.project()

    async def look(hand: Hand) -> None:
        orders = hand.engine.orders()
        await hand.seed(2)
        assert (await says(hand))[1:] == (True, "nothing waits that a runner at work may take up"), "it does no scripts"
        await hand.sql("UPDATE runners SET script_slots = 1")
        stuck, ok, said = await says(hand)
        assert (stuck, ok) == (False, True)
        assert said.startswith("work of ")

        await hand.sql(f"UPDATE interactions SET waits_since = {LONG_AGO}")
        assert (await says(hand))[:2] == (False, True), "the runner has only begun"
        await hand.sql(f"UPDATE runners SET started_at = {LONG_AGO}")
        stuck, ok, said = await says(hand)
        assert (stuck, ok) == (True, False)
        assert "nobody has begun anything for 6" in said

        wave = await hand.claim(size=1)
        assert (await says(hand))[:2] == (False, True), "something is in hand"
        await hand.begin(wave)
        await hand.finish(wave)
        await hand.close(wave)
        assert (await says(hand))[:2] == (False, True), "something has just ended"
        await hand.sql(f"UPDATE waves SET opened_at = {LONG_AGO}, closed_at = {LONG_AGO}")
        assert (await says(hand))[:2] == (True, False)

        for actor in await hand.sql("SELECT name FROM actors"):
            await orders.pause(Subject.ACTOR, actor["name"])
        assert await says(hand) == (False, True, "nothing waits that a runner at work may take up")
        for actor in await hand.sql("SELECT name FROM actors"):
            await orders.resume(Subject.ACTOR, actor["name"])
        assert (await says(hand))[0]
        await hand.sql("UPDATE runners SET told = 'drain'")
        assert (await says(hand))[:2] == (False, True), "nobody may begin anything"
        await hand.sql("UPDATE runners SET told = 'work'")
        assert (await says(hand))[0]
        await hand.sql(f"UPDATE runners SET heartbeat_at = {LONG_AGO}")
        assert not (await says(hand))[0], "that no runner is at work is told as that"

    by_hand(ground, look)
