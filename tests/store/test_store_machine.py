"""A machine of everything that can be done to interactions, on real PostgreSQL, held against a plain model.

Runners claim, begin and finish, lose their leases and come back as zombies; somebody pauses, cancels and retries.
After each of that the table is what the model says, and in the end every invariant holds.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.support.by_hand import Hand, hand_of
from tests.support.invariants import broken_invariants
from tests.support.projects import Ground, rows, script
from tests.support.store_model import COMPARED, MAX_ATTEMPTS, NAMES, RUN, STEPS, Claimed, Model, Outcome, Ready, Work

from wave_runner.core import graph
from wave_runner.core.control import Subject
from wave_runner.core.decision import when_broken
from wave_runner.core.flow import Place, Settled
from wave_runner.core.interaction import State
from wave_runner.core.outcome import Write
from wave_runner.core.routing import Way
from wave_runner.engine import Engine
from wave_runner.runner.settler import Settler
from wave_runner.store import control, interactions, runs
from wave_runner.store.control import Filter
from wave_runner.store.interactions import Move
from wave_runner.store.waves import Item, Wave

# Longer than the test takes: what must not be lost by itself.
LONG_S = 3600.0
RUNNERS = range(3)
WHICH = st.integers(0, 99)
OUTCOMES = st.lists(st.sampled_from([*Outcome, Outcome.COMPLETED, Outcome.COMPLETED]), min_size=1, max_size=2)
BOUNDS = settings(max_examples=40, stateful_step_count=35)

# Each is another text, and so has another queue.
BRANCHES = {name: script(f"return {{'by': {name!r}}}") for name in ("note", "left", "right", "meet")}

TABLE = """\
SELECT i.interaction_id, i.record_id, s.name AS step, i.state::text AS state, attempt, errors, crashes,
       suspect,
       CASE WHEN i.state = 'pending' THEN (SELECT c.wave_id FROM claimed c WHERE c.interaction_id = i.interaction_id)
            ELSE i.wave_id END AS wave_id,
       CASE WHEN ready_at IS NULL THEN 'now' WHEN ready_at = 'infinity' THEN 'parked'
            WHEN ready_at <= clock_timestamp() THEN 'due' ELSE 'later' END AS ready, handled, rank, in_force
FROM interactions i JOIN run_steps USING (run_step_id) JOIN steps s USING (step_id)
WHERE i.run_id = %s AND i.record_id IS NOT NULL
"""
RECORDS = """\
SELECT r.record_id, r.live, r.state, words FROM run_records r JOIN items ON item_id = r.record_id WHERE r.run_id = %s
"""
VERDICT = """\
SELECT r.state, count(*) FILTER (WHERE type = 'interaction_completed' AND step <> 'fetch') AS accepted,
       count(*) FILTER (WHERE type = 'wave_late_result') AS late
FROM workflow_runs r JOIN interaction_events USING (run_id) WHERE run_id = %s GROUP BY r.state
"""
STATE_OF = {
    Outcome.COMPLETED: State.COMPLETED,
    Outcome.RETRIED: State.PENDING,
    Outcome.DELAYED: State.PENDING,
    Outcome.OUTAGE: State.PENDING,
    Outcome.FAILED: State.FAILED,
    Outcome.QUARANTINED: State.QUARANTINED,
}

T = TypeVar("T")
Do = Callable[[Coroutine[Any, Any, T]], T]


@dataclass(frozen=True)
class Held:
    """A wave as the product gave it, and as the model has it."""

    real: Wave
    told: Claimed


def is_running(machine: Store) -> bool:
    return machine.model.run == "running"


class Store(RuleBasedStateMachine):
    """A run of its own, three runners, and whoever gives orders."""

    def __init__(self, engine: Engine, run: Do) -> None:
        super().__init__()
        self.engine = engine
        self.run = run
        self.model = Model()
        self.lives = dict.fromkeys(RUNNERS, False)
        self.written = 0
        self.agrees = True
        self.claimed: list[Held] = []  # all that ever were, also those that are lost
        self.hands: list[Hand] = self.run(self.begin_run())
        self.orders = engine.orders()
        self.seed(2, 0)

    async def begin_run(self) -> list[Hand]:
        hand = await hand_of(self.engine)
        wave = await hand.claim("fetch", lease_s=LONG_S)
        await hand.begin(wave)
        await hand.finish(wave)
        await hand.close(wave)
        return [hand, await hand.other(), await hand.other()]

    def act(self, doing: Coroutine[Any, Any, T]) -> T:
        """Do something to the store; whether the model agrees is then to be seen."""
        self.agrees = False
        return self.run(doing)

    @property
    def name(self) -> str:
        return str(self.hands[0].run_id)

    # ─── runners ─────────────────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: is_running(self) and not self.model.is_cancelled and len(self.model.records) < 8)
    @rule(n=st.integers(1, 4), rank=st.sampled_from([0, 5]))
    def seed(self, n: int, rank: int) -> None:
        seeded = self.act(self.hands[0].seed(n, rank=rank))
        found = self.run(
            self.hands[0].sql("SELECT record_id FROM interactions WHERE interaction_id = ANY (%s)", seeded)
        )
        self.model.seed(sorted(row["record_id"] for row in found), rank)

    @precondition(lambda self: any(map(self.model.pending, NAMES)))
    @rule(
        runner=st.sampled_from(RUNNERS),
        nth=st.integers(0, 4),
        size=st.sampled_from([1, 1, 2, 1000]),
        begins=st.sampled_from([0, 1, 1000, 1000]),
        outcomes=st.just([]) | OUTCOMES,
    )
    def claim(self, runner: int, nth: int, size: int, begins: int, outcomes: Sequence[Outcome]) -> None:
        """Claim of a queue that gives something, or else of one that must not; begin, and perhaps finish it."""
        queues = [name for name in NAMES if self.model.claimable(name, 1)]
        queues = queues or [name for name in NAMES if self.model.pending(name)]
        if (wave := self.claim_of(runner, queues[nth % len(queues)], size)) is not None:
            self.claimed.append(wave)
            self.begin_of(wave, begins)
            if outcomes:
                self.finish_of(wave, outcomes)

    def claim_of(self, runner: int, step: str, size: int) -> Held | None:
        expected = self.model.claimable(step, size)
        wave = self.act(self.hands[runner].claim(step, size=size, lease_s=LONG_S))
        assert ids(wave) == [work.interaction_id for work in expected]
        return Held(wave, self.model.claim(wave.wave_id, runner, expected)) if wave else None

    @precondition(lambda self: self.claimed)
    @rule(which=WHICH, n=st.integers(1, 3))
    def begin(self, which: int, n: int) -> None:
        self.begin_of(self.pick(which, "pending"), n)

    def begin_of(self, wave: Held, n: int) -> None:
        """Begin the first items of a wave; one that was lost, or has begun, begins nothing."""
        asked = ids(wave.real)[:n]
        expected = [work for work in wave.told.holds("pending") if work.interaction_id in asked]
        begun = self.act(self.hand(wave).begin(wave.real, wave.real.items[:n]))
        assert begun == {work.interaction_id for work in expected}
        self.model.begin(expected)

    @precondition(lambda self: self.claimed)
    @rule(which=WHICH, outcomes=OUTCOMES)
    def finish(self, which: int, outcomes: Sequence[Outcome]) -> None:
        self.finish_of(self.pick(which, "running"), outcomes)

    def finish_of(self, wave: Held, outcomes: Sequence[Outcome]) -> None:
        """Finish all of a wave: what it does not hold any more stays as it is, and its result is late."""
        self.written += 1
        meant = {
            work.interaction_id: possible(work, outcomes[n % len(outcomes)]) for n, work in enumerate(wave.told.works)
        }
        expected = wave.told.holds("running")
        moves = [self.move(wave, item, meant[item.interaction_id]) for item in wave.real.items]
        finished = self.act(self.hand(wave).finish(wave.real, moves))
        assert finished == {work.interaction_id for work in expected}
        self.model.late += len(moves) - len(finished)
        for work in expected:
            self.model.end(work, meant[work.interaction_id])
            if work.step == "count" and work.state == "completed":
                self.model.words[work.record] = self.written

    @precondition(lambda self: any(wave.told.holds("pending") for wave in self.claimed))
    @rule(which=WHICH)
    def refuse(self, which: int) -> None:
        """Quarantine what has not begun, because its input breaks the contract."""
        wave = self.pick(which, "pending")
        expected = wave.told.holds("pending")
        there = {work.interaction_id for work in expected}
        moves = [self.ends(wave, item, State.QUARANTINED) for item in wave.real.items if item.interaction_id in there]
        assert self.act(self.hand(wave).finish(wave.real, moves, from_state=State.PENDING)) == there
        for work in expected:
            self.model.refuse(work)

    @precondition(lambda self: any(wave.told.holds("running") for wave in self.claimed))
    @rule(which=WHICH)
    def stop(self, which: int) -> None:
        """Give back what has begun and what has not, as a runner that stops does."""
        wave = self.pick(which, "running")
        expected = len(wave.told.holds("running"))
        assert self.act(self.hand(wave).release(wave.real)) == expected
        self.model.give_back(wave.told, size=len(wave.told.works), crashed=False)
        self.close_of(wave)

    def close_of(self, wave: Held) -> None:
        self.act(self.hand(wave).close(wave.real))
        self.model.close(wave.told)

    @precondition(lambda self: any(len(wave.told.holds("running")) > 1 for wave in self.claimed))
    @rule(which=WHICH)
    def suspect(self, which: int) -> None:
        """Give back what has begun because one of it took the others down with it; one alone fails as crashed."""
        wave = self.pick(which, "running")
        if (begun := len(wave.told.holds("running"))) > 1:
            hand = self.hand(wave)
            assert self.act(hand.transact(lambda on: interactions.suspect(on, wave.real, begun=begun))) == begun
            self.model.give_back(wave.told, size=begun, crashed=True)

    @precondition(lambda self: self.model.lapsed)
    @rule(which=WHICH)
    def renew(self, which: int) -> None:
        wave = self.pick(which, "running")
        given = {"runner_id": wave.real.runner_id, "lease_s": LONG_S, "wave_ids": [wave.real.wave_id]}
        renewed = self.act(self.engine.database.fetch("waves/renew", given))
        assert len(renewed) == wave.told.is_open
        wave.told.has_lapsed &= not renewed

    def pick(self, which: int, state: str) -> Held:
        """Return one of the waves that hold something in a state; or any, and so zombies come by themselves."""
        held = [wave for wave in self.claimed if wave.told.holds(state)]
        among = held if which % 4 and held else self.claimed
        return among[which % len(among)]

    @precondition(lambda self: any(wave.holds("running") for wave in self.model.waves))
    @rule(which=WHICH, lives=st.booleans(), is_noticed=st.booleans())
    def lose(self, which: int, lives: bool, is_noticed: bool) -> None:
        """Let the leases of a runner run out: it was killed, or it lives and could not renew."""
        self.lose_of(self.pick(which, "running").told.runner, lives=lives)
        if is_noticed:
            self.sweep(0)

    def lose_of(self, runner: int, *, lives: bool) -> None:
        self.act(self.hands[runner].die(lives=lives))
        self.lives[runner] = lives
        for wave in self.model.waves:
            wave.has_lapsed |= wave.is_open and wave.runner == runner

    @precondition(lambda self: self.model.lapsed)
    @rule(runner=st.sampled_from(RUNNERS))
    def sweep(self, runner: int) -> None:
        lapsed = self.model.lapsed
        assert self.act(self.hands[runner].sweep()) == len(lapsed)
        for wave in lapsed:
            self.model.expire(wave, crashed=not self.lives[wave.runner])

    @precondition(lambda self: any(wave.holds("running") for wave in self.model.waves))
    @rule(which=WHICH, lives=st.booleans())
    def take_over(self, which: int, lives: bool) -> None:
        """Take a wave's work from a runner that is lost, and begin it anew; the runner may come back."""
        lost = self.pick(which, "running")
        step = lost.told.works[0].step
        self.lose_of(lost.told.runner, lives=lives)
        self.sweep(0)
        if (wave := self.claim_of((lost.told.runner + 1) % len(RUNNERS), step, 1000)) is not None:
            self.claimed.append(wave)
            self.begin_of(wave, 1000)

    @precondition(lambda self: self.zombies)
    @rule(which=WHICH, outcomes=OUTCOMES)
    def come_back(self, which: int, outcomes: Sequence[Outcome]) -> None:
        self.finish_of(self.zombies[which % len(self.zombies)], outcomes)

    @property
    def zombies(self) -> list[Held]:
        """The waves whose runner may believe that it has what another one is doing."""
        return [
            wave
            for wave in self.claimed
            if any(work.state == "running" and work.wave_id != wave.told.wave_id for work in wave.told.works)
        ]

    # ─── time ────────────────────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: any(work.ready is not Ready.NOW for work in self.model.works.values()))
    @rule(time_passes=st.booleans())
    def look_what_is_due(self, time_passes: bool) -> None:
        if time_passes:
            later = "UPDATE interactions SET ready_at = now() WHERE run_id = %s AND ready_at < 'infinity'"
            self.act(self.hands[0].sql(later, self.hands[0].run_id))
            self.model.become(Ready.LATER, Ready.DUE)
        self.act(runs.release_delayed(self.engine.database))
        self.model.become(Ready.DUE, Ready.NOW)

    @precondition(lambda self: RUN in self.model.paused and is_running(self) and not self.model.is_cancelled)
    @rule()
    def park(self) -> None:
        self.act(control.park(self.engine.database))
        self.model.park()

    # Late: where nothing lives any more the run ends, and only a retry goes on with it.
    @precondition(lambda self: len(self.model.waves) > 3)
    @rule()
    def settle(self) -> None:
        """Add up the counts, and say what has become of records and of the run."""
        self.act(self.settle_all())
        if is_running(self):
            self.model.settle()

    async def settle_all(self) -> None:
        settler = Settler(self.engine.database, runner_id=uuid4(), steps=self.orders.steps)
        while await settler.one_pass():
            pass

    # ─── orders ──────────────────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: is_running(self) and len(self.model.waves) > 1 and not self.model.paused)
    @rule(what=st.sets(st.sampled_from((RUN, *NAMES)), min_size=1, max_size=2))
    def pause(self, what: set[str]) -> None:
        for name in sorted(what):
            assert self.act(self.orders.pause(*self.subject(name)))
        self.model.paused |= what

    @precondition(lambda self: self.resumable)
    @rule()
    def resume(self) -> None:
        for name in self.resumable:
            assert self.act(self.orders.resume(*self.subject(name)))
        self.model.paused.difference_update(self.resumable)
        if not self.model.is_held:
            self.model.become(Ready.PARKED, Ready.DUE)

    @property
    def resumable(self) -> list[str]:
        """What is paused; a run that has ended stays so, until something of it is tried again."""
        return sorted(self.model.paused - (set() if is_running(self) else {RUN}))

    def subject(self, what: str) -> tuple[Subject, str]:
        return (Subject.RUN, self.name) if what == RUN else (Subject.ACTOR, what)

    # Late: little can be done to a run behind it.
    @precondition(lambda self: is_running(self) and len(self.model.waves) > 3)
    @rule(what=st.sampled_from((RUN, *NAMES)))
    def cancel(self, what: str) -> None:
        cancelled = self.act(self.orders.cancel(*self.subject(what)))
        self.model.is_cancelled |= what == RUN
        assert cancelled == self.model.cancel(lambda work: what in (RUN, work.step))

    @precondition(
        lambda self: not self.model.is_cancelled and any(one.is_retryable for one in self.model.works.values())
    )
    @rule(step=st.sampled_from((None, *NAMES)), state=st.sampled_from((None, None, "failed", "quarantined")))
    def retry(self, step: str | None, state: str | None) -> None:
        meant = [
            work
            for work in self.model.works.values()
            if work.is_retryable and work.step == (step or work.step) and work.state == (state or work.state)
        ]
        assert self.act(self.orders.retry(Subject.RUN, self.name, Filter(step=step, state=state))) == len(meant)
        self.model.retry(meant)

    # ─── what must be so ─────────────────────────────────────────────────────────────────────────────

    @invariant()
    def the_tables_are_what_the_model_says(self) -> None:
        hand, model = self.hands[0], self.model
        table = self.run(hand.sql(TABLE, hand.run_id))
        in_force = {(row["record_id"], row["step"]): row for row in table if row["in_force"]}
        stands = {place: {name: row[name] for name in COMPARED} for place, row in in_force.items()}
        assert stands == model.standing()
        for place, work in model.works.items():
            work.interaction_id = in_force[place]["interaction_id"]
        assert Counter((row["record_id"], row["step"]) for row in table if not row["in_force"]) == model.aside
        for row in self.run(hand.sql(RECORDS, hand.run_id)):
            record = row["record_id"]
            told = (model.live(record), model.records[record], model.words[record])
            assert (row["live"], row["state"], row["words"]) == told
        [run] = self.run(hand.sql(VERDICT, hand.run_id))
        assert run == {"state": model.run, "accepted": model.accepted, "late": model.late}
        self.agrees = True

    def teardown(self) -> None:
        """Where everything was as told, let what is left come to its end; what is not leaves no work to others."""
        if self.agrees:
            self.come_to_an_end()
        if not self.agrees:
            self.run(self.leave_nothing())

    def come_to_an_end(self) -> None:
        for runner in RUNNERS:
            self.lose_of(runner, lives=True)
        self.sweep(0)
        self.resume()
        while any(work.state == "pending" for work in self.model.works.values()):
            self.look_what_is_due(time_passes=True)
            for step in NAMES:
                self.complete(step)
        self.settle()
        self.the_tables_are_what_the_model_says()
        assert not is_running(self)
        assert self.broken() == []

    def complete(self, step: str) -> None:
        while (wave := self.claim_of(0, step, 1000)) is not None:
            self.begin_of(wave, 1000)
            self.finish_of(wave, [Outcome.COMPLETED])
            self.close_of(wave)
            self.the_tables_are_what_the_model_says()

    def broken(self) -> list[str]:
        """Return what breaks an invariant and is not of another run."""
        found = [says for broken in broken_invariants(self.engine.database.url).values() for says in broken]
        return [says for says in found if says.startswith((f"run {self.name},", "run None,"))]

    async def leave_nothing(self) -> None:
        for hand in self.hands:
            await hand.sql("UPDATE actors SET paused_at = NULL, paused_by = NULL")
            await hand.die(lives=True)
            await hand.sweep()
        scope = control.Scope(
            run_ids=(self.hands[0].run_id,), run_step_ids=tuple(one.run_step_id for one in self.hands[0].steps.values())
        )
        await control.cancel(self.engine.database, scope, by="test", run_flow=self.orders.steps.run_flow)

    # ─── how it is said to the store ─────────────────────────────────────────────────────────────────

    def hand(self, wave: Held) -> Hand:
        return self.hands[wave.told.runner]

    def move(self, wave: Held, item: Item, outcome: Outcome) -> Move:
        """Return the move of an item that has begun."""
        if (state := STATE_OF[outcome]) is State.PENDING:
            delay_s = 0.0 if outcome is Outcome.RETRIED else LONG_S
            return self.hand(wave).move(item, state, delay_s=delay_s, charged=outcome is not Outcome.OUTAGE)
        return self.ends(wave, item, state, charged=state is not State.COMPLETED)

    def ends(self, wave: Held, item: Item, state: State, *, charged: bool = False) -> Move:
        """Return a move that ends an item, with everything that follows."""
        hand = self.hand(wave)
        step, completes = hand.run_flow.flow.steps[hand.origin(item).step], state is State.COMPLETED
        ways = [Way(to=to) for to in graph.targets(step.route)] if completes else when_broken(step, state, None)[0]
        outcome = Settled.ARRIVED if completes else Settled.FAILED
        follows = hand.run_flow.flow.follow(Place(step=step.name), outcome, ways)
        writes = [Write(table="items", values={"words": self.written})] if completes and step.name == "count" else []
        handled = not completes and bool(ways)
        return hand.move(item, state, follows=follows, writes=tuple(writes), handled=handled, charged=charged)


def possible(work: Work, outcome: Outcome) -> Outcome:
    """Return the outcome, or a failure where there is no try left."""
    is_retry = outcome in (Outcome.RETRIED, Outcome.DELAYED)
    return Outcome.FAILED if is_retry and work.errors + 1 >= MAX_ATTEMPTS else outcome


def ids(wave: Wave | None) -> list[int]:
    return [item.interaction_id for item in wave.items] if wave else []


# Where it is red the example is made small first, which takes its time.
@pytest.mark.timeout(900)
def test_whatever_comes_in_whatever_order_the_tables_are_what_a_plain_model_says(ground: Ground) -> None:
    ground.project(rows=rows(0), steps=STEPS, actors=BRANCHES)

    async def play(engine: Engine) -> None:
        loop = asyncio.get_running_loop()

        def run(doing: Coroutine[Any, Any, T]) -> T:
            return asyncio.run_coroutine_threadsafe(doing, loop).result()

        # The machine is not asynchronous: it has a thread of its own.
        await asyncio.to_thread(run_state_machine_as_test, lambda: Store(engine, run), settings=BOUNDS)

    ground.do(play)
