"""A runner: lanes that do waves, and the loops around them, started and stopped together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid4

from wave_runner.actors.job import Pool
from wave_runner.actors.pool import ScriptPool
from wave_runner.core.control import Told
from wave_runner.core.rates import Rate
from wave_runner.core.residency import Room
from wave_runner.errors import WaveError
from wave_runner.runner.adder import LONGEST_PAUSE_S as LONGEST_SUM_PAUSE_S
from wave_runner.runner.adder import PAUSE_S as SUM_PAUSE_S
from wave_runner.runner.adder import Adder
from wave_runner.runner.ahead import Ahead
from wave_runner.runner.canary import CanaryJudge
from wave_runner.runner.fanner import Fanner
from wave_runner.runner.feeder import Feeder
from wave_runner.runner.hold import Holder
from wave_runner.runner.lane import Lane
from wave_runner.runner.loop import Loop
from wave_runner.runner.memory import ServerMemory, policy_of
from wave_runner.runner.model_lane import ModelLane
from wave_runner.runner.notifier import Notifier, Telling
from wave_runner.runner.outlook import Outlook
from wave_runner.runner.people_lane import PeopleLane
from wave_runner.runner.projector import LONGEST_PAUSE_S as LONGEST_FOLD_PAUSE_S
from wave_runner.runner.projector import PAUSE_S as FOLD_PAUSE_S
from wave_runner.runner.projector import Projector
from wave_runner.runner.route_lane import RouteLane
from wave_runner.runner.scheduler import Blocked, Plan, Scheduler
from wave_runner.runner.script_lane import ScriptLane
from wave_runner.runner.sealer import LONGEST_PAUSE_S, PAUSE_S, Sealer
from wave_runner.runner.settler import Settler
from wave_runner.runner.sql_lane import SqlLane
from wave_runner.runner.steps import Steps
from wave_runner.runner.sweeper import Sweeper
from wave_runner.runner.texts import Texts
from wave_runner.servers.protocol import ModelServer
from wave_runner.settings import Settings
from wave_runner.store import waves
from wave_runner.store.database import Database, Unavailable, until_available
from wave_runner.store.heartbeat import Heartbeat
from wave_runner.telemetry import Endpoint

log = logging.getLogger("wave_runner.runner")

Heard = TypeVar("Heard")
PlainLane = TypeVar("PlainLane", SqlLane, RouteLane, PeopleLane)

IDLE_PAUSE_S = 0.25
SHORTEST_PAUSE_S = 0.1
LONGEST_IDLE_PAUSE_S = 1.0
# Loops that new work is no reason to wake.
BY_THE_CLOCK = ("scheduler", "sweeper", "canceller", "sealer", "projector", "adder", "feeder", "notifier")
CLOCK_PAUSE_S = 1.0
LONGEST_NOTICE_PAUSE_S = 5.0
TICK_S = 0.5
AT_ONCE = 2  # waves of queries and of routes, each: while the database records one, the next is prepared
PATIENCE_S = 60.0  # with a database that is away just when a runner begins


@dataclass(frozen=True, kw_only=True)
class Server:
    """A model server this runner can use. `owned` ones are child processes: one runner at a time has them."""

    name: str
    driver: ModelServer
    owned: bool
    lanes: int  # models at work at once
    room: Room
    concurrency: int  # requests in flight at once
    rate: Rate  # of one by URL: what it allows to all runners together
    endpoint: Endpoint


@dataclass(kw_only=True)
class Runner:
    """Does waves until told to stop. Build it, `await start()`, and `await stop()` in a finally."""

    database: Database
    settings: Settings
    folder: Path
    work_dir: Path
    servers: Sequence[Server]
    sealer: Sealer
    version: str
    environ: Mapping[str, str] = field(repr=False)
    before_look: Callable[[], Awaitable[WaveError | None]]
    plan_schedule: Callable[[str], Awaitable[Plan | Blocked | None]]
    telling: Telling | None = None  # of alerts; None: nobody is told
    runner_id: UUID = field(default_factory=uuid4)

    def __post_init__(self) -> None:
        self._phase_s = random.random()  # noqa: S311  runners of a host must not look at the same moments
        self._told = asyncio.Event()
        self._grace_s = self.settings.grace_s
        self._ticker: asyncio.Task[None] | None = None
        self._steps = Steps(
            self.database,
            folder=self.folder,
            work_dir=self.work_dir,
            environ=self.environ,
            sandbox=self.settings.sandbox,
            endpoints={server.name: server.endpoint for server in self.servers},
        )
        self._texts = Texts()
        self._pool = self._where_scripts_are_done()
        self._tasks: list[asyncio.Task[None]] = []
        self._wire()

    async def start(self) -> None:
        """Register, and start every loop."""
        await until_available(
            lambda: waves.register_runner(self.database, self.runner_id, self.version, self._capacity()),
            patience_s=PATIENCE_S,
        )
        self._event_loop = asyncio.get_running_loop()
        self._heartbeat.start()
        self._tasks = [asyncio.create_task(loop.run(), name=loop.name) for loop in self._loops]
        self._ticker = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        """Finish what is under way within the grace time, give back the rest, end every process.

        Safe twice, and where `start` failed.
        """
        for lane in self.model_lanes:
            lane.stopping = True
        for loop in self._loops:
            loop.stop()
        if self._notifier is not None:
            self._notifier.stop()
        if self._tasks:
            _, unfinished = await asyncio.wait(self._tasks, timeout=self._grace_s)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._holder.close_all()
        await self._outlook.close()
        await self._pool.close()
        if self._tasks:
            await self.sealer.finish()
            await self._projector.finish()
            await self._adder.finish()
        for server in self.servers:
            await server.driver.close()
        if self._ticker is not None:
            self._ticker.cancel()
        await asyncio.to_thread(self._heartbeat.stop)
        try:
            await waves.end_runner(self.database, self.runner_id)
        except Unavailable as error:
            log.warning("runner %s: the database is away, its end is not recorded (%s)", self.runner_id, error)

    async def failed(self) -> None:
        """Return when a loop has ended by an error, raising it."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    def trouble(self) -> WaveError | None:
        """Return what keeps a lane from working: a model server that cannot be used, a folder that cannot be read."""
        return self._outlook.trouble or next((lane.trouble for lane in self.model_lanes if lane.trouble), None)

    def paused(self) -> list[str]:
        """Return the actors whose work waits because somebody has paused them."""
        return self._outlook.paused

    def lacking(self) -> list[str]:
        """Return the labels that work needs and no runner at work has."""
        return self._outlook.lacking

    def drifted(self) -> list[str]:
        """Return the actors whose work waits because they have drifted."""
        return self._outlook.drifted

    @property
    def busy(self) -> bool:
        """Whether a wave is being worked on at this moment."""
        return bool(self._holder.tasks)

    async def dismissed(self) -> Told:
        """Return when somebody has told this runner to end: to stop at once, or to drain, once nothing is in hand."""
        while True:
            await self._told.wait()
            self._told.clear()
            if self._holder.told is Told.STOP:
                return Told.STOP
            while self._holder.told is Told.DRAIN:
                if not self._holder.tasks:
                    return Told.DRAIN
                await asyncio.sleep(TICK_S)

    def _capacity(self) -> waves.Capacity:
        return waves.Capacity(
            labels=self.settings.labels,
            servers=[server.name for server in self.servers],
            script_slots=self.settings.script_slots,
        )

    def _from_heartbeat(self, act: Callable[[Heard], None], heard: Heard) -> None:
        """Called from the heartbeat's thread, which begins after the event loop is known."""
        self._event_loop.call_soon_threadsafe(act, heard)

    def _hear(self, told: Told) -> None:
        log.warning("runner %s: told to %s", self.runner_id, told, extra={"runner_id": self.runner_id})
        self._holder.told = told
        if told is Told.STOP:
            self._grace_s = 0.0
        self._told.set()
        self._wake()

    def _wire(self) -> None:
        self._heartbeat = Heartbeat(
            self.database.direct_url,
            schema=self.settings.schema_name,
            runner_id=self.runner_id,
            lease_s=self.settings.lease_s,
            interval_s=min(self.settings.renew_s, self.settings.lease_s / 3),
            on_lost=lambda wave_ids: self._from_heartbeat(self._holder.lose, wave_ids),
            on_cancelled=lambda wave_ids: self._from_heartbeat(self._holder.interrupt, wave_ids),
            on_told=lambda told: self._from_heartbeat(self._hear, told),
        )
        self._holder = Holder(
            database=self.database,
            runner_id=self.runner_id,
            lease_s=self.settings.lease_s,
            heartbeat=self._heartbeat,
        )
        self._outlook = Outlook(
            self.database,
            runner_id=self.runner_id,
            lease_s=self.settings.lease_s,
            labels=self.settings.labels,
            before_look=self.before_look,
        )
        self.script_lanes = [self._script_lane() for _ in range(self.settings.script_slots)]
        self.sql_lanes = [self._lane(SqlLane) for _ in range(AT_ONCE)]
        self.route_lanes = [self._lane(RouteLane) for _ in range(AT_ONCE)]
        self.people_lane = self._lane(PeopleLane)
        self.model_lanes = [lane for server in self.servers for lane in self._model_lanes(server)]
        self._projector = Projector(self.database, busy=lambda: self.busy)
        self._adder = Adder(self.database)
        sweeper = self._sweeper()
        self._loops = [
            *map(self._seeking, [*self.script_lanes, *self.sql_lanes, *self.route_lanes, self.people_lane]),
            *map(self._seeking, self.model_lanes),
            self._gathering("fanner", self._fanner().one_pass),
            Loop("scheduler", self._scheduler().one_pass, pause_s=CLOCK_PAUSE_S),
            self._gathering("settler", self._settler().one_pass),
            self._gathering("canary", self._canary().one_pass),
            Loop("sweeper", sweeper.one_pass, pause_s=min(1.0, self.settings.lease_s / 10)),
            Loop("canceller", sweeper.cancel, pause_s=CLOCK_PAUSE_S),
            Loop("sealer", self.sealer.one_pass, pause_s=PAUSE_S, longest_pause_s=LONGEST_PAUSE_S),
            Loop("feeder", self._feeder().one_pass, pause_s=CLOCK_PAUSE_S),
            Loop("projector", self._projector.one_pass, pause_s=FOLD_PAUSE_S, longest_pause_s=LONGEST_FOLD_PAUSE_S),
            Loop("adder", self._adder.one_pass, pause_s=SUM_PAUSE_S, longest_pause_s=LONGEST_SUM_PAUSE_S),
            *self._notifying(),
        ]

    def _notifying(self) -> list[Loop]:
        """Return the loop that tells of alerts, where somebody is to be told."""
        self._notifier: Notifier | None = None
        if self.telling is None:
            return []
        self._notifier = Notifier(self.database, self.telling, runner_id=self.runner_id)
        one_pass = self._notifier.one_pass
        return [Loop("notifier", one_pass, pause_s=CLOCK_PAUSE_S, longest_pause_s=LONGEST_NOTICE_PAUSE_S)]

    def _gathering(self, name: str, one_pass: Callable[[], Awaitable[bool]]) -> Loop:
        """Return a loop that is woken by every wave, and looks for what they leave behind only so often."""
        return Loop(
            name,
            one_pass,
            pause_s=IDLE_PAUSE_S,
            shortest_pause_s=SHORTEST_PAUSE_S,
            longest_pause_s=LONGEST_IDLE_PAUSE_S,
        )

    def _seeking(self, lane: Lane | ModelLane) -> Loop:
        return Loop(
            lane.name,
            lane.one_pass,
            phase_s=self._phase_s,
            pause_s=IDLE_PAUSE_S,
            longest_pause_s=LONGEST_IDLE_PAUSE_S,
            soonest_s=lane.soonest_s,
        )

    def _wake(self) -> None:
        for loop in self._loops:
            if loop.name not in BY_THE_CLOCK:
                loop.wake()

    def _where_scripts_are_done(self) -> Pool:
        slots, warm = self.settings.script_slots, self.settings.warm_scripts
        if self.settings.pool == "local":
            return ScriptPool(slots=slots, warm=warm, work_dir=self.work_dir / "workers")
        from wave_runner.actors.ray_pool import RayPool

        return RayPool(
            slots=slots,
            warm=warm,
            address=self.settings.ray_address,
            resources=self.settings.ray_resources,
            wait_s=self.settings.ray_wait_s,
        )

    def _script_lane(self) -> ScriptLane:
        return ScriptLane(
            database=self.database,
            holder=self._holder,
            outlook=self._outlook,
            steps=self._steps,
            pool=self._pool,
            texts=self._texts,
            after_wave=self._wake,
            beside=self.settings.script_slots,
        )

    def _lane(self, of: type[PlainLane]) -> PlainLane:
        return of(
            database=self.database,
            holder=self._holder,
            outlook=self._outlook,
            steps=self._steps,
            texts=self._texts,
            after_wave=self._wake,
        )

    def _model_lanes(self, server: Server) -> list[ModelLane]:
        memory = ServerMemory(
            self.database,
            Ahead(self.database, self._steps, server=server.name),
            name=server.name,
            server=server.driver,
            controlled=server.owned,
            room=server.room,
            policy=policy_of(self.settings),
        )
        return [self._model_lane(server, slot, memory) for slot in range(server.lanes)]

    def _model_lane(self, server: Server, slot: int, memory: ServerMemory) -> ModelLane:
        return ModelLane(
            name=server.name,
            slot=slot,
            server=server.driver,
            memory=memory,
            owned=server.owned,
            concurrency=server.concurrency,
            rate=server.rate,
            database=self.database,
            holder=self._holder,
            outlook=self._outlook,
            steps=self._steps,
            linger_s=self.settings.linger_s,
            texts=self._texts,
            after_wave=self._wake,
        )

    def _fanner(self) -> Fanner:
        return Fanner(self.database, runner_id=self.runner_id, steps=self._steps, wake_lanes=self._wake)

    def _feeder(self) -> Feeder:
        return Feeder(self.database, runner_id=self.runner_id, wake_lanes=self._wake)

    def _scheduler(self) -> Scheduler:
        return Scheduler(self.database, runner_id=self.runner_id, plan=self.plan_schedule, wake_lanes=self._wake)

    def _canary(self) -> CanaryJudge:
        return CanaryJudge(self.database, runner_id=self.runner_id, steps=self._steps)

    def _settler(self) -> Settler:
        return Settler(self.database, runner_id=self.runner_id, steps=self._steps)

    def _sweeper(self) -> Sweeper:
        return Sweeper(
            self.database,
            runner_id=self.runner_id,
            lease_s=self.settings.lease_s,
            steps=self._steps,
            holder=self._holder,
        )

    async def _tick(self) -> None:
        """Show the heartbeat that the loop is alive: one that hangs must lose its work."""
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                self._heartbeat.tick()
                await asyncio.sleep(TICK_S)
