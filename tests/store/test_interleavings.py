"""Two at once: every order in which the steps of two sessions can come, and what must be true after each of them.

After the last order every invariant must hold: among others that the events of an interaction are numbered without a
gap, that each of its moves is legal, and that a result came from the wave that held the work.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import pytest
from tests.support.by_hand import Hand, by_hand, hand_of
from tests.support.interleavings import Joined, Played, Session, Step, every_order, orders
from tests.support.invariants import broken_invariants
from tests.support.projects import Ground, rows, script

from wave_runner.core import graph
from wave_runner.core.control import Subject
from wave_runner.core.flow import Place, Settled
from wave_runner.core.interaction import State
from wave_runner.core.outcome import Write
from wave_runner.core.routing import Way
from wave_runner.store import control, interactions, run_ends, settling, staging, waves
from wave_runner.store.database import Connection
from wave_runner.store.interactions import Move
from wave_runner.store.run_flow import RunFlow
from wave_runner.store.waves import Expired, Item, Wave

# Longer than the tests take, for waves that must not be lost.
LONG_S = 3600.0
CONNECTIONS = "connections = 20"

FORK = """\
count: {actor: count, input: {text: record.text}, writes: [items.words], next: {all: [left, right]}}
left: {actor: left, next: meet}
right: {actor: right, next: meet}
meet: {actor: meet, after: [left, right], next: end}
"""
# Each is another text, and so has another queue.
BRANCHES = {name: script(f"return {{'by': {name!r}}}") for name in ("left", "right", "meet")}

JOIN = """\
SELECT i.interaction_id, i.state::text AS made, j.state, j.arrived, j.failed, r.live
FROM interactions i
JOIN run_steps USING (run_step_id)
JOIN steps s ON s.step_id = run_steps.step_id AND s.name = 'meet'
JOIN joins j ON j.run_id = i.run_id AND j.record_id = i.record_id AND j.run_step_id = i.run_step_id
JOIN run_records r ON r.run_id = i.run_id AND r.record_id = i.record_id
WHERE i.record_id = %s
"""

Decisions = Sequence[Mapping[str, Any]]
A = TypeVar("A", bound="Side")
B = TypeVar("B", bound="Side")


@pytest.fixture(autouse=True)
def project(ground: Ground) -> None:
    ground.project(rows=rows(0), settings=CONNECTIONS)


@pytest.fixture
def fork(ground: Ground) -> Ground:
    """The project with two steps behind the first one, and a join behind these."""
    return ground.project(rows=rows(0), steps=FORK, actors=BRANCHES, settings=CONNECTIONS)


# ─── the sides ───────────────────────────────────────────────────────────────────────────────────────


class Side(Session):
    """A session of one runner."""

    def __init__(self, hand: Hand) -> None:
        super().__init__(hand.engine.database)
        self.hand = hand

    async def flow_of(self, connection: Connection, run_step_id: int) -> RunFlow:
        return self.hand.run_flow


class Claimer(Side):
    """Claims a wave."""

    def __init__(self, hand: Hand, *, size: int, server: str | None = None, slot: int | None = None) -> None:
        super().__init__(hand)
        self.size = size
        self.server = server
        self.slot = slot
        self.wave: Wave | None = None
        self.started: set[int] = set()

    @property
    def steps(self) -> Sequence[Step]:
        return [self.begin, self.claim, self.commit]

    @property
    def claimed(self) -> list[int]:
        return ids(self.wave) if self.wave else []

    async def claim(self) -> None:
        self.hand.seq += 1
        self.wave = await waves.claim(
            self.connection,
            runner_id=self.hand.runner_id,
            runner_seq=self.hand.seq,
            queue_id=self.hand.steps["count"].queue_id,
            size=self.size,
            lease_s=LONG_S,
            reason="test",
            server=self.server,
            slot=self.slot,
        )


class Worker(Claimer):
    """Claims a wave and, once that is committed, starts it."""

    @property
    def steps(self) -> Sequence[Step]:
        return [*super().steps, self.start]

    async def start(self) -> None:
        if wave := self.wave:
            self.started = await self.transact(lambda connection: start(connection, self.hand, wave))


class Opener(Claimer):
    """Claims a wave and starts it in the same transaction."""

    @property
    def steps(self) -> Sequence[Step]:
        return [self.begin, self.claim, self.start, self.commit]

    async def start(self) -> None:
        if self.wave:
            self.started = await start(self.connection, self.hand, self.wave)


class Starter(Side):
    """Starts a wave that it has claimed before."""

    def __init__(self, hand: Hand, wave: Wave) -> None:
        super().__init__(hand)
        self.wave = wave
        self.started: set[int] = set()

    @property
    def steps(self) -> Sequence[Step]:
        return [self.begin, self.start, self.commit]

    async def start(self) -> None:
        self.started = await start(self.connection, self.hand, self.wave)


class Finisher(Side):
    """Records the results of a wave."""

    def __init__(self, hand: Hand, wave: Wave, moves: Sequence[Move]) -> None:
        super().__init__(hand)
        self.wave = wave
        self.moves = moves
        self.finished: set[int] = set()

    @property
    def steps(self) -> Sequence[Step]:
        return [self.begin, self.finish, self.commit]

    async def finish(self) -> None:
        self.finished = await interactions.finish(self.connection, self.wave, self.moves)


class Sweeper(Side):
    """Takes back the work of waves whose lease has run out."""

    def __init__(self, hand: Hand) -> None:
        super().__init__(hand)
        self.expired: list[Expired] = []
        self.begun = 0

    @property
    def steps(self) -> Sequence[Step]:
        return [self.expire, self.reclaim, self.commit]

    async def expire(self) -> None:
        await self.begin()
        self.expired = await waves.expire(self.connection, lease_s=0.001)

    async def reclaim(self) -> None:
        for one in self.expired:
            self.begun += await interactions.reclaim(
                self.connection, one, runner_id=self.hand.runner_id, run_flow=self.flow_of
            )


class Successor(Sweeper):
    """Takes back the work of a wave, and then begins it anew, unless whoever had it still locks it."""

    wave: Wave | None = None

    @property
    def steps(self) -> Sequence[Step]:
        return [*super().steps, self.begin_anew]

    async def begin_anew(self) -> None:
        if (wave := await self.hand.claim(lease_s=LONG_S)) is not None:
            await self.transact(lambda connection: start(connection, self.hand, wave))
            self.wave = wave


class Canceller(Side):
    """Cancels its run: lets nothing more be begun, and then ends what is left."""

    @property
    def steps(self) -> Sequence[Step]:
        return [self.order, self.cancel, self.commit]

    async def order(self) -> None:
        await self.transact(self._order)

    async def cancel(self) -> None:
        await self.begin()
        await control.cancel(Joined(self), self.scope, by="test", run_flow=self.flow_of)

    async def go_on(self) -> None:
        """End what was locked meanwhile, as a sweeper does."""
        await control.cancel(self.database, self.scope, by="test", run_flow=self.flow_of)

    async def _order(self, connection: Connection) -> None:
        self.scope = await control.scope(connection, Subject.RUN, str(self.hand.run_id))
        await control.cancel_runs(connection, self.scope.run_ids, by="test")


class Retrier(Side):
    """Tries again what has failed in its run."""

    retried = 0

    @property
    def steps(self) -> Sequence[Step]:
        return [self.look, self.retry, self.commit]

    async def look(self) -> None:
        """As a person's command does: what may be tried again is found before, in a transaction of its own."""
        self.scope = await self.transact(
            lambda connection: control.retry_scope(connection, Subject.RUN, str(self.hand.run_id), control.Filter())
        )

    async def retry(self) -> None:
        await self.begin()
        self.retried = await control.retry(Joined(self), self.scope, control.Filter(), by="test", run_flow=self.flow_of)


class Ender(Side):
    """Ends its run, if nothing of it lives."""

    ended: run_ends.Ended | None = None

    @property
    def steps(self) -> Sequence[Step]:
        return [self.begin, self.end, self.commit]

    async def end(self) -> None:
        self.ended = await run_ends.end(
            Joined(self), self.hand.run_id, broken=(), alerts=(), targets={}, runner_id=self.hand.runner_id
        )


class CancellingEnder(Canceller):
    """Cancels its run and, with nothing left of it, ends it."""

    ended: run_ends.Ended | None = None

    @property
    def steps(self) -> Sequence[Step]:
        return [self.order, self.end]

    async def end(self) -> None:
        await self.begin()
        self.ended = await run_ends.end(
            Joined(self), self.hand.run_id, broken=(), alerts=(), targets={}, runner_id=self.hand.runner_id
        )
        await self.commit()


class Validator(Side):
    """Decides about staged rows."""

    refusals = (staging.LostWave,)

    def __init__(self, hand: Hand, wave: Wave | None, decisions: Decisions) -> None:
        super().__init__(hand)
        self.wave = wave
        self.decisions = decisions
        self.decided: dict[str, Any] = {}

    @property
    def steps(self) -> Sequence[Step]:
        return [self.begin, self.decide, self.commit]

    async def decide(self) -> None:
        assert self.wave is not None
        item = self.wave.items[0]
        self.decided = await staging.decide(self.connection, self.wave, item, self.hand.tables, self.decisions)


class Heir(Validator):
    """Takes over what a lost validator had, and decides."""

    def __init__(self, hand: Hand, decisions: Decisions) -> None:
        super().__init__(hand, None, decisions)

    @property
    def steps(self) -> Sequence[Step]:
        return [self.take_over, *super().steps]

    async def take_over(self) -> None:
        await self.transact(self._sweep)
        self.wave = await held(self.hand, "check")

    async def _sweep(self, connection: Connection) -> None:
        for one in await waves.expire(connection, lease_s=0.001):
            await interactions.reclaim(connection, one, runner_id=self.hand.runner_id, run_flow=self.flow_of)


class Naive(Side):
    """Claims as one should not: looks for work, and then takes what it has seen."""

    def __init__(self, hand: Hand, name: str) -> None:
        super().__init__(hand)
        self.name = name
        self.seen: list[int] = []

    @property
    def steps(self) -> Sequence[Step]:
        return [self.begin, self.look, self.take_it, self.commit]

    async def look(self) -> None:
        cursor = await self.connection.execute("SELECT id FROM work WHERE holder IS NULL")
        self.seen = [row["id"] for row in await cursor.fetchall()]

    async def take_it(self) -> None:
        await self.connection.execute("UPDATE work SET holder = %s WHERE id = ANY (%s)", [self.name, self.seen])


# ─── what is done around them ────────────────────────────────────────────────────────────────────────


async def every(
    hand: Hand,
    set_up: Callable[[], Awaitable[tuple[A, B]]],
    check: Callable[[A, B, Played], Awaitable[None]],
) -> list[Played]:
    """Play every order of two sides; after the last one no invariant may be broken."""
    played = await every_order(hand.engine.database, set_up, check)
    assert broken_invariants(hand.engine.database.url) == {}
    return played


def waited(played: Sequence[Played]) -> set[str]:
    """The steps that had to wait for the other side, in any order."""
    return {step for one in played for step in one.waited}


def ids(wave: Wave) -> list[int]:
    return [item.interaction_id for item in wave.items]


async def start(connection: Connection, hand: Hand, wave: Wave) -> set[int]:
    return await interactions.start(connection, wave, [hand.start(item) for item in wave.items])


async def held(hand: Hand, step: str) -> Wave:
    """A wave of all that waits at a step, started."""
    wave = await hand.claim(step, lease_s=LONG_S)
    assert isinstance(wave, Wave)
    assert await hand.begin(wave) == set(ids(wave))
    return wave


def move(hand: Hand, item: Item, state: State = State.COMPLETED, *, words: int | None = None) -> Move:
    """An item's end with what follows: one that completes goes every way that its step leads to."""
    step = hand.run_flow.flow.steps[hand.origin(item).step]
    completed = state is State.COMPLETED
    ways = [Way(to=to) for to in graph.targets(step.route)] if completed else []
    place = Place(step=step.name, iteration=item.iteration, item=item.item)
    follows = hand.run_flow.flow.follow(place, Settled.ARRIVED if completed else Settled.FAILED, ways)
    writes = () if words is None else (Write(table="items", values={"words": words}),)
    return hand.move(item, state, follows=follows, writes=writes)


async def finish(hand: Hand, wave: Wave, *, words: int | None = None) -> None:
    """Complete a wave that holds all of its work, and close it."""
    moves = [move(hand, item, words=words) for item in wave.items]
    assert await hand.finish(wave, moves) == set(ids(wave))
    await hand.close(wave)


async def complete(hand: Hand, step: str) -> None:
    """Complete all that waits at a step, wave by wave."""
    while (wave := await hand.claim(step)) is not None:
        assert await hand.begin(wave) == set(ids(wave))
        await finish(hand, wave)


async def broken(first: Hand) -> Hand:
    """A run that has not ended yet, and of which nothing lives: its one record is settled, its step has failed."""
    hand = await hand_of(first.engine)
    await hand.finish(await held(hand, "fetch"))
    await hand.seed(1)
    wave = await held(hand, "count")
    await hand.finish(wave, [move(hand, wave.items[0], State.FAILED)])
    await hand.close(wave)
    await settle(hand)
    return hand


async def settle(hand: Hand) -> None:
    async def judge(connection: Connection) -> None:
        keys = await settling.ended(connection, hand.run_id)
        verdicts: dict[int, list[str]] = {record_id: ["count failed"] for record_id in keys}
        await settling.settle(connection, hand.run_id, verdicts, runner_id=hand.runner_id)

    await hand.transact(judge)


async def run_state(hand: Hand) -> str:
    [row] = await hand.sql("SELECT state::text AS state FROM workflow_runs WHERE run_id = %s", hand.run_id)
    return str(row["state"])


async def nothing_is_left(hand: Hand) -> None:
    """Every record is at its end, and so is all that was made for it."""
    unfinished = "SELECT interaction_id FROM interactions WHERE record_id IS NOT NULL AND finished_at IS NULL"
    assert await hand.sql(unfinished) == []
    assert await hand.sql("SELECT record_id FROM run_records WHERE live <> 0 OR state = 'live'") == []


async def events(hand: Hand, interaction_id: int) -> list[str]:
    query = "SELECT type::text AS type FROM interaction_events WHERE interaction_id = %s ORDER BY seq"
    return [event["type"].removeprefix("interaction_") for event in await hand.sql(query, interaction_id)]


async def late_results(hand: Hand, wave: Wave) -> int:
    query = "SELECT event_id FROM interaction_events WHERE type = 'wave_late_result' AND wave_id = %s"
    return len(await hand.sql(query, wave.wave_id))


async def written(hand: Hand, interaction_id: int) -> list[int]:
    """The value of each write of an interaction, as it stands in the table."""
    query = "SELECT words FROM value_writes JOIN items ON item_id = record_id WHERE interaction_id = %s"
    return [row["words"] for row in await hand.sql(query, interaction_id)]


# ─── the enumerator itself ───────────────────────────────────────────────────────────────────────────


def test_four_steps_and_four_have_seventy_orders() -> None:
    found = list(orders(4, 4))
    assert len(found) == len(set(found)) == 70
    assert {(order.count("A"), order.count("B")) for order in found} == {(4, 4)}


def test_a_naive_claim_is_found_out(ground: Ground) -> None:
    async def play(hand: Hand) -> tuple[list[Played], list[str]]:
        doubles: list[str] = []
        await hand.sql("CREATE TABLE work (id bigint PRIMARY KEY, holder text)")

        async def set_up() -> tuple[Naive, Naive]:
            await hand.sql("TRUNCATE work")
            await hand.sql("INSERT INTO work VALUES (1)")
            return Naive(hand, "A"), Naive(hand, "B")

        async def check(a: Naive, b: Naive, played: Played) -> None:
            if a.seen == b.seen:
                doubles.append(played.order)

        return await every(hand, set_up, check), doubles

    played, doubles = by_hand(ground, play)
    assert len(played) == 70
    # In the ten others one side has committed before the other one looks.
    assert len(doubles) == 60
    assert waited(played) == {"A.take_it", "B.take_it"}


# ─── claim × claim ───────────────────────────────────────────────────────────────────────────────────


def test_two_claims_never_get_the_same_leave_nothing_and_never_wait(ground: Ground) -> None:
    async def play(hand: Hand) -> list[Played]:
        one, other = await hand.other(), await hand.other()
        seeded: list[int] = []

        async def set_up() -> tuple[Worker, Worker]:
            seeded[:] = await hand.seed(3)
            return Worker(one, size=2), Worker(other, size=2)

        async def check(a: Worker, b: Worker, played: Played) -> None:
            assert sorted([*a.claimed, *b.claimed]) == seeded
            for side in (a, b):
                assert side.wave is not None
                assert side.started == set(side.claimed)
                await finish(side.hand, side.wave)
            assert [await events(hand, one) for one in seeded] == [["started", "completed"]] * 3
            await nothing_is_left(hand)

        return await every(hand, set_up, check)

    played = by_hand(ground, play)
    assert len(played) == 70
    assert waited(played) == set()


def test_of_two_claims_for_one_slot_one_gets_a_wave(ground: Ground) -> None:
    async def play(hand: Hand) -> list[Played]:
        one, other = await hand.other(), await hand.other()

        async def set_up() -> tuple[Claimer, Claimer]:
            await hand.seed(2)
            return Claimer(one, size=1, server="gpu", slot=0), Claimer(other, size=1, server="gpu", slot=0)

        async def check(a: Claimer, b: Claimer, played: Played) -> None:
            [(side, wave)] = [(side, side.wave) for side in (a, b) if side.wave]
            await hand.close(wave)
            await complete(side.hand, "count")
            await nothing_is_left(hand)

        return await every(hand, set_up, check)

    played = by_hand(ground, play)
    assert len(played) == 20
    assert waited(played) == {"A.claim", "B.claim"}


# ─── the sweeper × those whose work it takes ─────────────────────────────────────────────────────────


def test_a_claim_gets_what_a_sweep_gives_back_once_that_is_committed(ground: Ground) -> None:
    async def play(hand: Hand) -> list[Played]:
        lost, other = await hand.other(), await hand.other()
        seeded: list[int] = []

        async def set_up() -> tuple[Claimer, Sweeper]:
            seeded[:] = await hand.seed(3)
            wave = await lost.claim()
            await lost.begin(wave, wave.items[:1])
            await lost.die()
            return Claimer(other, size=3), Sweeper(hand)

        async def check(a: Claimer, b: Sweeper, played: Played) -> None:
            # What had begun comes back first, and alone: it may have killed its runner.
            assert a.claimed == (seeded[:1] if played.before("B.commit", "A.claim") else [])
            assert (len(b.expired), b.begun) == (1, 1)
            if a.wave:
                assert await other.begin(a.wave) == set(a.claimed)
                await finish(other, a.wave)
            await complete(hand, "count")
            begun, *others = [await events(hand, one) for one in seeded]
            assert begun == ["started", "lease_expired", "started", "completed"]
            assert others == [["started", "completed"]] * 2
            await nothing_is_left(hand)

        return await every(hand, set_up, check)

    played = by_hand(ground, play)
    assert len(played) == 20
    assert waited(played) == set()


def test_what_is_started_while_its_wave_is_swept_is_given_back_or_does_not_start(ground: Ground) -> None:
    async def play(hand: Hand) -> list[Played]:
        slow = await hand.other()
        seeded: list[int] = []

        async def set_up() -> tuple[Starter, Sweeper]:
            seeded[:] = await hand.seed(2)
            wave = await slow.claim()
            await slow.die(lives=True)
            return Starter(slow, wave), Sweeper(hand)

        async def check(a: Starter, b: Sweeper, played: Played) -> None:
            assert a.started in (set(), set(seeded))
            # A wave whose work is just being begun is left to the next sweep.
            under_way = played.before("A.start", "B.expire") and played.before("B.expire", "A.commit")
            assert len(b.expired) == (0 if under_way else 1)
            await hand.sweep()
            assert await slow.finish(a.wave, [move(slow, item) for item in a.wave.items]) == set()
            await complete(hand, "count")
            begun = ["started", "lease_expired"] if a.started else []
            assert [await events(hand, one) for one in seeded] == [[*begun, "started", "completed"]] * 2
            assert b.begun == (0 if under_way else len(a.started))
            await nothing_is_left(hand)

        return await every(hand, set_up, check)

    played = by_hand(ground, play)
    assert len(played) == 20
    assert waited(played) == {"A.start"}


def test_a_result_and_a_sweep_exclude_each_other(ground: Ground) -> None:
    async def play(hand: Hand) -> list[Played]:
        slow = await hand.other()

        async def set_up() -> tuple[Finisher, Successor]:
            await hand.seed(1)
            wave = await held(slow, "count")
            await slow.die(lives=True)
            return Finisher(slow, wave, [move(slow, wave.items[0], words=1)]), Successor(hand)

        async def check(a: Finisher, b: Successor, played: Played) -> None:
            [interaction_id] = ids(a.wave)
            assert a.finished in (set(), {interaction_id})
            assert (len(b.expired), b.begun) == (1, 1 - len(a.finished))
            assert await late_results(hand, a.wave) == b.begun
            assert b.begun or b.wave is None
            if b.begun:
                await finish(hand, b.wave or await held(hand, "count"), words=2)
            assert await written(hand, interaction_id) == [2 if b.begun else 1]
            taken = ["lease_expired", "started"] if b.begun else []
            assert await events(hand, interaction_id) == ["started", *taken, "completed"]
            await nothing_is_left(hand)

        return await every(hand, set_up, check)

    played = by_hand(ground, play)
    assert len(played) == 35
    assert waited(played) == {"A.finish", "B.reclaim", "B.begin_anew"}


# ─── complete × cancel ───────────────────────────────────────────────────────────────────────────────


def test_a_result_and_a_cancellation_exclude_each_other(fork: Ground) -> None:
    async def play(first: Hand) -> list[Played]:
        await held(first, "fetch")  # the queue is one for all runs

        async def set_up() -> tuple[Finisher, Canceller]:
            hand = await hand_of(first.engine)
            await hand.finish(await held(hand, "fetch"))  # only the record is left to be cancelled
            await hand.seed(1)
            wave = await held(hand, "count")
            return Finisher(hand, wave, [move(hand, wave.items[0], words=1)]), Canceller(hand)

        async def check(a: Finisher, b: Canceller, played: Played) -> None:
            hand = a.hand
            [interaction_id] = ids(a.wave)
            await b.go_on()
            await hand.close(a.wave)
            assert a.finished in (set(), {interaction_id})
            assert await events(hand, interaction_id) == ["started", "completed" if a.finished else "cancelled"]
            assert await late_results(hand, a.wave) == (0 if a.finished else 1)
            assert await written(hand, interaction_id) == ([1] if a.finished else [])
            after = "SELECT state::text AS state FROM interactions WHERE run_id = %s AND interaction_id > %s"
            left = [row["state"] for row in await hand.sql(after, hand.run_id, interaction_id)]
            # Its two children, and the join that they lead to.
            assert sorted(left) == (["cancelled", "cancelled", "skipped"] if a.finished else ["skipped"] * 3)
            await nothing_is_left(hand)

        return await every(first, set_up, check)

    played = by_hand(fork, play)
    assert len(played) == 20
    assert waited(played) == {"A.finish"}


# ─── claim and start × cancel ────────────────────────────────────────────────────────────────────────


def test_what_is_opened_while_it_is_cancelled_starts_or_does_not_and_nobody_waits_for_ever(ground: Ground) -> None:
    async def play(first: Hand) -> list[Played]:
        await held(first, "fetch")  # the queue is one for all runs
        seeded: list[int] = []

        async def set_up() -> tuple[Opener, Canceller]:
            hand = await hand_of(first.engine)
            await hand.finish(await held(hand, "fetch"))  # only the records are left to be cancelled
            seeded[:] = await hand.seed(2)
            return Opener(hand, size=2), Canceller(hand)

        async def check(a: Opener, b: Canceller, played: Played) -> None:
            await b.go_on()
            if a.wave:
                await a.hand.close(a.wave)
            assert a.started in (set(), set(seeded))
            begun = ["started"] if a.started else []
            assert [await events(a.hand, one) for one in seeded] == [[*begun, "cancelled"]] * 2
            await nothing_is_left(a.hand)

        return await every(first, set_up, check)

    played = by_hand(ground, play)
    assert len(played) == 35
    assert waited(played) == {"A.start"}


# ─── retry × end ─────────────────────────────────────────────────────────────────────────────────────


def test_a_run_of_which_something_is_tried_again_has_not_ended(ground: Ground) -> None:
    async def play(first: Hand) -> list[Played]:
        await held(first, "fetch")  # the queue is one for all runs

        async def set_up() -> tuple[Retrier, Ender]:
            hand = await broken(first)
            return Retrier(hand), Ender(hand)

        async def check(a: Retrier, b: Ender, played: Played) -> None:
            assert a.retried == 1
            assert await run_state(a.hand) == "running"
            assert (b.ended is not None) == played.before("B.end", "A.retry")
            await complete(a.hand, "count")
            await nothing_is_left(a.hand)
            await settle(a.hand)
            b.ended = await run_ends.end(
                a.database, a.hand.run_id, broken=(), alerts=(), targets={}, runner_id=a.hand.runner_id
            )
            assert b.ended is not None

        return await every(first, set_up, check)

    played = by_hand(ground, play)
    assert len(played) == 20
    assert waited(played) == {"A.retry", "B.end"}


def test_nothing_is_tried_again_of_a_run_that_was_cancelled(ground: Ground) -> None:
    """It would live on in a run that nobody ends any more."""

    async def play(first: Hand) -> list[Played]:
        await held(first, "fetch")

        async def set_up() -> tuple[Retrier, CancellingEnder]:
            hand = await broken(first)
            return Retrier(hand), CancellingEnder(hand)

        async def check(a: Retrier, b: CancellingEnder, played: Played) -> None:
            assert (a.retried == 0) == played.before("B.order", "A.retry")
            assert (b.ended is None) == bool(a.retried)
            await b.go_on()
            await settle(a.hand)
            if b.ended is None:
                await b.end()
            assert await run_state(a.hand) == "cancelled"
            await nothing_is_left(a.hand)

        return await every(first, set_up, check)

    played = by_hand(ground, play)
    assert len(played) == 10
    assert waited(played) == {"B.order", "B.end"}


# ─── promote × promote ───────────────────────────────────────────────────────────────────────────────


async def staged(hand: Hand, wave: Wave, names: Sequence[str]) -> Decisions:
    """Stage rows; return the decisions that promote them."""
    given = [{"raw": {"name": name}, "source": "test", "position": 1} for name in names]
    await hand.transact(lambda connection: staging.add(connection, wave, wave.items[0], "items", given))
    async with hand.engine.database.transaction() as connection:
        waiting = await staging.waiting(connection, hand.run_id, after=0, limit=100)
    assert len(waiting) == len(names)
    return [{"id": row["id"], "key": name, "values": {"name": name}} for row, name in zip(waiting, names, strict=True)]


def rejecting(decisions: Decisions) -> Decisions:
    reason = {"rule": "test", "field": "", "message": "not wanted"}
    return [{"id": one["id"], "errors": [reason]} for one in decisions]


async def states(hand: Hand, decisions: Decisions) -> list[str]:
    query = "SELECT state FROM staged_records WHERE staged_id = ANY (%s) ORDER BY staged_id"
    return [row["state"] for row in await hand.sql(query, [one["id"] for one in decisions])]


async def in_table(hand: Hand, decisions: Decisions) -> list[str]:
    """The keys that stand in the table, each as often as it does."""
    query = "SELECT key FROM items JOIN records ON record_id = item_id WHERE key = name AND key = ANY (%s) ORDER BY key"
    return [row["key"] for row in await hand.sql(query, [one["key"] for one in decisions])]


NOTHING = {"promoted": 0, "rejected": 0, "duplicates": []}


@pytest.mark.parametrize("said", ["promoted", "rejected"])
def test_staged_rows_are_decided_by_the_first_of_two_validators(ground: Ground, said: str) -> None:
    async def play(hand: Hand) -> list[Played]:
        other = await hand.other()
        fetch = await held(hand, "fetch")
        await hand.seed(1, step="check")
        mine = await held(hand, "check")
        await hand.seed(1, step="check")
        theirs = await held(other, "check")
        names = iter(range(1000))

        async def set_up() -> tuple[Validator, Validator]:
            given = await staged(hand, fetch, [f"a {next(names):03}", f"b {next(names):03}"])
            backwards = list(reversed(given if said == "promoted" else rejecting(given)))
            return Validator(hand, mine, given), Validator(other, theirs, backwards)

        async def check(a: Validator, b: Validator, played: Played) -> None:
            first, second = (a, b) if played.before("A.decide", "B.decide") else (b, a)
            outcome = "promoted" if first is a else said
            assert first.decided == NOTHING | {outcome: 2}
            assert second.decided == NOTHING
            assert await states(hand, a.decisions) == [outcome] * 2
            there = [one["key"] for one in a.decisions] if outcome == "promoted" else []
            assert await in_table(hand, a.decisions) == there

        return await every(hand, set_up, check)

    played = by_hand(ground, play)
    assert len(played) == 20
    assert waited(played) == {"A.decide", "B.decide"}


def test_of_a_lost_validator_and_its_heir_one_promotes(ground: Ground) -> None:
    async def play(hand: Hand) -> list[Played]:
        fetch = await held(hand, "fetch")
        lost, other = await hand.other(), await hand.other()

        async def set_up() -> tuple[Validator, Heir]:
            [interaction_id] = await hand.seed(1, step="check")
            given = await staged(hand, fetch, [f"a {interaction_id:03}", f"b {interaction_id:03}"])
            wave = await held(lost, "check")
            await lost.die(lives=True)
            return Validator(lost, wave, given), Heir(other, list(reversed(given)))

        async def check(a: Validator, b: Heir, played: Played) -> None:
            assert b.refused is None
            assert b.wave is not None
            assert (a.decided, b.decided) == (
                ({}, NOTHING | {"promoted": 2}) if a.refused else (NOTHING | {"promoted": 2}, NOTHING)
            )
            assert await states(hand, a.decisions) == ["promoted"] * 2
            assert await in_table(hand, a.decisions) == [one["key"] for one in a.decisions]
            await other.finish(b.wave)
            await other.close(b.wave)
            decided = [] if a.refused else ["staging_decided"]
            told = ["started", *decided, "lease_expired", "started", "staging_decided", "completed"]
            assert await events(hand, b.wave.items[0].interaction_id) == told
            await nothing_is_left(hand)

        return await every(hand, set_up, check)

    played = by_hand(ground, play)
    assert len(played) == 35
    assert waited(played) == {"A.decide", "B.take_over"}


def test_of_two_runs_with_the_same_keys_the_first_promotes_and_the_other_finds_duplicates(ground: Ground) -> None:
    async def play(hand: Hand) -> list[Played]:
        async def at_work(hand: Hand) -> tuple[Wave, Wave]:
            await hand.seed(1, step="check")
            return await held(hand, "fetch"), await held(hand, "check")

        fetch, mine = await at_work(hand)
        other = await hand_of(hand.engine)
        other_fetch, theirs = await at_work(other)
        names = iter(range(1000))

        async def set_up() -> tuple[Validator, Validator]:
            both = [f"a {next(names):03}", f"b {next(names):03}"]
            given = await staged(hand, fetch, both)
            backwards = await staged(other, other_fetch, list(reversed(both)))
            return Validator(hand, mine, given), Validator(other, theirs, backwards)

        async def check(a: Validator, b: Validator, played: Played) -> None:
            first, second = (a, b) if played.before("A.decide", "B.decide") else (b, a)
            assert first.decided == NOTHING | {"promoted": 2}
            assert second.decided == NOTHING | {"rejected": 2, "duplicates": [one["id"] for one in second.decisions]}
            assert await states(hand, first.decisions) == ["promoted"] * 2
            assert await states(hand, second.decisions) == ["rejected"] * 2
            assert await in_table(hand, a.decisions) == [one["key"] for one in a.decisions]

        return await every(hand, set_up, check)

    played = by_hand(ground, play)
    assert len(played) == 20
    assert waited(played) == {"A.decide", "B.decide"}


# ─── last sibling × last sibling ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("state", [State.COMPLETED, State.FAILED])
def test_two_last_siblings_make_one_join_for_each_record(fork: Ground, state: State) -> None:
    goes = state is State.COMPLETED
    expected = (
        {"made": "pending", "state": "gone", "arrived": 2, "failed": 0, "live": 1}
        if goes
        else {"made": "skipped", "state": "skipped", "arrived": 1, "failed": 1, "live": 0}
    )

    async def play(hand: Hand) -> list[Played]:
        other = await hand.other()

        async def set_up() -> tuple[Finisher, Finisher]:
            await hand.seed(2)
            await complete(hand, "count")
            left, right = await held(hand, "left"), await held(other, "right")
            backwards = [move(other, item, state) for item in reversed(right.items)]
            return Finisher(hand, left, [move(hand, item) for item in left.items]), Finisher(other, right, backwards)

        async def check(a: Finisher, b: Finisher, played: Played) -> None:
            for side in (a, b):
                assert side.finished == set(ids(side.wave))
                await side.hand.close(side.wave)
            for item in a.wave.items:
                [join] = await hand.sql(JOIN, item.record_id)
                # Made by the first that arrives, if it is not decided with it.
                told = await events(hand, join.pop("interaction_id"))
                assert join == expected
                assert told in ([["unblocked"]] if goes else [["skipped"]])
            await complete(hand, "meet")
            await nothing_is_left(hand)

        return await every(hand, set_up, check)

    played = by_hand(fork, play)
    assert len(played) == 20
    assert waited(played) == {"A.finish", "B.finish"}
