"""Wires the parts together; decides nothing.

`open_engine` gives what every command needs: the settings, the database (the one that comes along, or any other), its
schema up to date, and where a command works on a project, that project as its folder holds it.
"""

from __future__ import annotations

import asyncio
import getpass
import logging
import os
import shlex
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from wave_runner import __version__
from wave_runner.actors import processes
from wave_runner.audit.keys import KeyFile
from wave_runner.audit.outside import Outside
from wave_runner.audit.wave_verify import Checkpoint, parse_checkpoint
from wave_runner.core.drift import Drift, Seen
from wave_runner.core.epoch import origin_of
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.notice import read_secret
from wave_runner.core.params import resolve_params
from wave_runner.core.projection import PROJECTIONS
from wave_runner.core.rates import Rate
from wave_runner.core.sandbox import Sandbox
from wave_runner.core.workflow import Project
from wave_runner.errors import ConflictError, NotFoundError, ProjectError, SettingsError, WaveError
from wave_runner.project.definitions import (
    actor_definition,
    actor_names,
    workflow_definition,
)
from wave_runner.project.drift import FolderWatch
from wave_runner.project.queries import TABLES
from wave_runner.runner.approvals import Approvals
from wave_runner.runner.log_keeper import LogKeeper
from wave_runner.runner.projection_keeper import ProjectionKeeper
from wave_runner.runner.retaining import Retaining
from wave_runner.runner.sealer import Sealer
from wave_runner.runner.signer import Signer
from wave_runner.settings import Settings, environment, handed_on, load
from wave_runner.store import embedded, migrate, schedules
from wave_runner.store.database import Database

# What does the work is imported by what asks for it: a command that only reads starts without it.
if TYPE_CHECKING:
    from wave_runner.runner.batches import Batches
    from wave_runner.runner.deciding import People
    from wave_runner.runner.deciding_together import DecidingTogether
    from wave_runner.runner.dropping import Dropping
    from wave_runner.runner.erasing import Erasing
    from wave_runner.runner.experimenting import Experimenting
    from wave_runner.runner.granting import Granting
    from wave_runner.runner.host_servers import HostServers
    from wave_runner.runner.new_runs import NewRuns
    from wave_runner.runner.notifier import Telling
    from wave_runner.runner.orders import Orders
    from wave_runner.runner.picking import Picking
    from wave_runner.runner.redoing import Redoing
    from wave_runner.runner.repair import Repair
    from wave_runner.runner.runner import Runner
    from wave_runner.runner.single import Single
    from wave_runner.runner.steps import Steps
    from wave_runner.runner.taking_up import TakingUp
    from wave_runner.runner.unsaved import Bench
    from wave_runner.runner.views import Views
    from wave_runner.runner.webhook import Receiver
    from wave_runner.servers.protocol import ModelServer


log = logging.getLogger("wave_runner.engine")


@dataclass(kw_only=True)
class Engine:
    """A project on its database, for one person: by default the operating system's user. Made by `open_engine`."""

    folder: Path
    settings: Settings
    database: Database
    watch: FolderWatch
    environ: Mapping[str, str] = field(repr=False)
    person: str = field(default_factory=lambda: whoami())
    bringer: str = field(default_factory=lambda: whoami())  # whose folder it is: who brings what is new in it
    _compared: Project | None = field(default=None, init=False)  # the folder as it was when it was last synced
    _comparing: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    @property
    def state_dir(self) -> Path:
        """The project's `.wave` folder: everything that can be made again, and unless told otherwise the log's key."""
        return self.folder / ".wave"

    @property
    def checkpoint_folder(self) -> Path:
        """Where checkpoints are kept outside the database."""
        return self.folder / (self.settings.checkpoints or ".wave/checkpoints")

    def acting_as(self, person: str) -> Engine:
        """Return the same project on the same database, for what another person orders. Whose folder it is stays."""
        return replace(self, person=person)

    def project(self) -> Project:
        """Return the project as its folder holds it now; raises `ProjectError` as loading does."""
        return self.watch.read()

    async def sync(self, project: Project | None = None, *, dev: bool = False) -> Drift:
        """Store the folder's definitions and schedules, register what is new; return what has drifted.

        With `dev` a change is approved at once, and the event says so.
        """
        project = project or self.project()
        drift = await replace(self.approvals(), by=self.bringer).sync(project, dev=dev)
        async with self.database.transaction() as connection:
            await schedules.put(connection, list(project.schedules.values()))
        self._compared = project
        return drift

    def approvals(self) -> Approvals:
        """Return what compares the folder with what is approved, and approves it as this person."""
        return Approvals(database=self.database, folder=self.folder, by=self.person)

    async def approve(self, name: str) -> bool:
        """Approve what the folder holds for an actor. False if it was approved already."""
        return await self.approvals().approve(self.project(), name)

    async def accept(self, name: str, *, workflow: bool = False, seen: Seen | None = None) -> tuple[str, bool]:
        """Approve what the folder holds of an actor, or of a workflow; return its hash in hex, and whether that is new.

        Raises `ConflictError` where the folder, or a model's server, holds something else than what was `seen`.
        """
        project, approvals = self.project(), self.approvals()
        names = project.workflows if workflow else actor_names(project)
        if name not in names:
            kind = "workflow" if workflow else "actor"
            raise NotFoundError(f"no {kind} {name}", hint=did_you_mean(name, names))
        found = workflow_definition(project, project.workflows[name]) if workflow else actor_definition(project, name)
        if seen is not None and seen.sha256 != found.sha256.hex():
            raise ConflictError(
                f"the folder holds something else of {name} than what was looked at",
                hint="look again: wave actors list --diff",
            )
        changed = await (approvals.approve_workflow if workflow else approvals.approve)(project, name, seen=seen)
        return found.sha256.hex(), changed

    def new_runs(self) -> NewRuns:
        """Return what makes runs of the folder's workflows, for this person."""
        from wave_runner.runner.new_runs import NewRuns

        return NewRuns(
            database=self.database,
            folder=self.folder,
            watch=self.watch,
            approvals=self.approvals(),
            sync=self.sync,
            by=self.person,
        )

    def runner(self) -> Runner:
        """Return a runner for this host's folder: its model servers, its script slots."""
        from wave_runner.runner.runner import Runner

        project = self.project()
        self._check_what_ray_is_to_have(project)
        return Runner(
            database=self.database,
            settings=self.settings,
            folder=self.folder.resolve(),
            work_dir=self.state_dir / "work",
            servers=self.host_servers().all(),
            sealer=self.sealer(project),
            version=__version__,
            environ=self.environ,
            before_look=self._before_look,
            plan_schedule=self.new_runs().plan,
            telling=self._telling(project),
        )

    def _check_what_ray_is_to_have(self, project: Project) -> None:
        for name in self.settings.ray_resources or {}:
            if name not in project.scripts:
                hint = did_you_mean(name, project.scripts)
                raise SettingsError(f"ray_resources names {name}, which is no script of this project", hint=hint)
        for name in self.settings.ray_servers or {}:
            if name not in project.servers:
                hint = did_you_mean(name, project.servers)
                raise SettingsError(f"ray_servers names {name}, which is no model server of this project", hint=hint)
            if project.servers[name].driver != "llama_cpp":
                hint = "what is asked at a URL may be anywhere; take it out of ray_servers"
                raise SettingsError(f"ray_servers names {name}, which Wave Runner does not start", hint=hint)

    def _telling(self, project: Project) -> Telling | None:
        """Return to whom a runner tells of alerts; without a secret to nobody, which stops no work."""
        from wave_runner.reports.alerts import standing
        from wave_runner.runner.notifier import Telling

        try:
            receiver = receiver_of(project, self.environ)
        except SettingsError as error:
            log.warning("alerts are told to nobody: %s", error)
            return None
        if receiver is None:
            return None
        return Telling(receiver=receiver, project_id=project.id, project_name=project.name, standing=standing)

    def sealer(self, project: Project) -> Sealer:
        """Return what seals the project's log."""
        signer = self._signer(project)
        return Sealer(
            signer,
            origin=origin_of(signer.name, 1),
            source=_source(project),
            command=shlex.split(self.settings.checkpoint_command),
            environ=handed_on(project.secret_variables),
        )

    def log_keeper(self) -> LogKeeper:
        """Return what may be done with the log itself, by this person."""
        signer = self._signer(self.project())
        return LogKeeper(signer=signer, origin=origin_of(signer.name, 1), by=self.person)

    def projection_keeper(self, name: str) -> ProjectionKeeper:
        """Return what may be done with a projection, by this person."""
        projection = next(one for one in PROJECTIONS if one.name == name)
        return ProjectionKeeper(database=self.database, projection=projection, by=self.person)

    def source(self) -> str:
        """Return what the project's events say that they are from."""
        return _source(self.project())

    def outside_checkpoints(self) -> list[Checkpoint]:
        """Return the newest checkpoint outside the database, as the verifier reads it; none where there is none."""
        signer = self._signer(self.project())
        newest = signer.outside.newest(signer.name)
        return [parse_checkpoint(newest[1].encode())] if newest else []

    def _signer(self, project: Project) -> Signer:
        """The places are below the project's folder, unless they are named in full."""
        return Signer(
            database=self.database,
            name=f"wave-runner/{project.id}",
            keys=KeyFile(path=self.folder / (self.settings.log_key or ".wave/log.key")),
            outside=Outside(folder=self.checkpoint_folder),
        )

    async def drifted(self) -> Drift:
        """Return what the folder, or a model server, holds otherwise than it is approved. Changes nothing."""
        return await self.approvals().drifted(self.project())

    async def look_at_servers(self) -> dict[str, str]:
        """Return for each model server in use what keeps it from being used from here; "" where nothing does."""
        return await self.host_servers().look()

    def host_servers(self) -> HostServers:
        """Return the model servers that this host's folder declares."""
        from wave_runner.runner.host_servers import HostServers

        return HostServers(
            project=self.project(),
            folder=self.folder,
            state_dir=self.state_dir / "servers",
            settings=self.settings,
            environ=self.environ,
        )

    def server_rates(self) -> dict[str, Rate]:
        """Return what each model server of the folder allows to all runners together."""
        return self.host_servers().rates()

    def orders(self) -> Orders:
        """Return what may be said of work under way, by this person."""
        from wave_runner.runner.orders import Orders

        return Orders(database=self.database, steps=self._steps(), by=self.person)

    def erasing(self, person: str) -> Erasing:
        """Return what one person may say of what is kept of records."""
        from wave_runner.runner.deciding import named
        from wave_runner.runner.erasing import Erasing

        orders = self.orders()
        orders.by = person
        return Erasing(orders=orders, collections=self.project().collections, by=named(person))

    def retaining(self, person: str) -> Retaining:
        """Return what one person may let go because it is old."""
        from wave_runner.runner.deciding import named

        return Retaining(database=self.database, retention=self.project().retention, by=named(person))

    def dropping(self, person: str) -> Dropping:
        """Return what one person may say of old months of history."""
        from wave_runner.runner.deciding import named
        from wave_runner.runner.dropping import Dropping

        return Dropping(database=self.database, seal=self.seal, by=named(person))

    def granting(self, person: str) -> Granting:
        """Return what one person may say of who may ask by HTTP."""
        from wave_runner.runner.deciding import named
        from wave_runner.runner.granting import Granting

        return Granting(database=self.database, by=named(person))

    def views(self) -> Views:
        """Return what may be said of saved views, by this person."""
        from wave_runner.runner.deciding import named
        from wave_runner.runner.views import Views

        return Views(database=self.database, by=named(self.person))

    async def seal(self) -> None:
        """Seal and, where the key lies here, sign what is recorded: there may be no runner that does it."""
        await self.sealer(self.project()).finish()

    def repair(self) -> Repair:
        """Return what may be done about results that are wrong, by this person."""
        from wave_runner.runner.repair import Repair

        orders = self.orders()
        return Repair(database=self.database, steps=orders.steps, orders=orders, by=orders.by)

    def picking(self) -> Picking:
        """Return what may be ordered about interactions that are picked from a list, by this person."""
        from wave_runner.runner.picking import Picking

        return Picking(database=self.database, steps=self._steps(), by=self.person)

    def deciding_together(self) -> DecidingTogether:
        """Return what may be decided of tasks that are picked, by this person."""
        from wave_runner.runner.deciding_together import DecidingTogether

        return DecidingTogether(database=self.database, steps=self._steps(), by=self.person)

    def batches(self) -> Batches:
        """Return what may be said of staged rows, by this person."""
        from wave_runner.runner.batches import Batches

        orders = self.orders()
        return Batches(database=self.database, orders=orders, by=orders.by)

    def taking_up(self) -> TakingUp:
        """Return what makes runs that take up staged rows, or takes back what became of them, for this person."""
        from wave_runner.runner.taking_up import TakingUp

        return TakingUp(new_runs=self.new_runs(), batches=self.batches())

    def redoing(self) -> Redoing:
        """Return what redoes results with what the folder holds now, for this person."""
        from wave_runner.runner.redoing import Redoing

        return Redoing(new_runs=self.new_runs(), repair=self.repair())

    def experimenting(self) -> Experimenting:
        """Return what may be tried beside the real work, by this person."""
        from wave_runner.runner.experimenting import Experimenting

        return Experimenting(
            database=self.database, repair=self.repair(), approvals=self.approvals(), folder=self.folder, by=self.person
        )

    def people(self, person: str) -> People:
        """Return what one person may do with tasks. Work that they set free waits for a runner."""
        from wave_runner.runner.deciding import People

        return People(self.database, self._steps(), person)

    def sandboxes(self) -> list[Sandbox]:
        """Return the sandbox that each script of the folder has on this host, by name."""
        from wave_runner.actors.host import sandbox_of

        scripts = sorted(self.project().scripts.items())
        return [sandbox_of(script, self.settings.sandbox, self.folder) for _, script in scripts]

    def _steps(self) -> Steps:
        from wave_runner.runner.steps import Steps

        return Steps(
            self.database,
            folder=self.folder.resolve(),
            work_dir=self.state_dir / "work",
            environ=self.environ,
            sandbox=self.settings.sandbox,
        )

    def single(self, workflow: str, params: Mapping[str, str]) -> Single:
        """Return what does steps one at a time, as the folder has them now, and saves nothing."""
        from wave_runner.runner.single import Single

        bench = bench_of(self.folder, self.project(), workflow, params)

        servers = self.host_servers()

        @asynccontextmanager
        async def server(name: str) -> AsyncIterator[ModelServer]:
            # A server of its own, beside that of a runner, which may be at work.
            driver = servers.driver(name, purpose="step")
            try:
                yield driver
            finally:
                await driver.close()

        return Single(database=self.database, bench=bench, open_server=server)

    async def _before_look(self) -> WaveError | None:
        """Before anybody looks for work: compare a folder that changed with what is approved; every lane waits for it.

        Returns what is wrong with a folder that cannot be read: no wave is opened until it can be compared again.
        """
        async with self._comparing:
            try:
                if self.project() is not self._compared:
                    await self.sync()
            except ProjectError as error:
                return error
        return None


@asynccontextmanager
async def open_engine(folder: Path, *, name: str = "wave") -> AsyncIterator[Engine]:
    """Open a project on its database: started if it is ours, migrated, and claimed for this project."""
    # What it knows, the address of the database with its password first of all, is for no other process to read.
    processes.hide()
    settings = load(folder)
    watch = FolderWatch(folder)
    project = watch.read()
    with database_url(settings, folder) as url:
        direct_url = past_pooler(settings, url)
        replicated_until = migrate.make_ready(
            direct_url, settings.schema_name, project_id=project.id, name=project.name, tables=_tables(project)
        )
        if replicated_until is not None:
            until = f"{replicated_until.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
            log.warning("this is a replica: it has what was committed until %s, and nothing is changed there", until)
        database = Database(
            url,
            direct_url=direct_url,
            query_url=None if settings.database_query_url is None else settings.database_query_url.get_secret_value(),
            schema=settings.schema_name,
            size=settings.connections,
            name=name,
            answer_s=settings.answer_s,
            is_replica=replicated_until is not None,
        )
        await database.open(reached=url == direct_url)
        try:
            yield Engine(folder=folder, settings=settings, database=database, watch=watch, environ=environment(folder))
        finally:
            await database.close()


@contextmanager
def database_url(settings: Settings, folder: Path) -> Iterator[str]:
    """Give the URL of the database that is configured, or of the one that comes along, held while it is used."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    held = embedded.start(folder / ".wave")
    try:
        with held.kept_up():
            yield held.url
    finally:
        held.release()


def past_pooler(settings: Settings, url: str) -> str:
    """Return where that connects to which must not wait for a pooler: the heartbeat, and migrations."""
    return url if settings.database_direct_url is None else settings.database_direct_url.get_secret_value()


def receiver_of(project: Project, environ: Mapping[str, str]) -> Receiver | None:
    """Return who is told of alerts; None where wave.toml names nobody. Raises `SettingsError` without a good secret."""
    from wave_runner.runner.webhook import Receiver

    spec = project.alerts
    if spec is None:
        return None
    hint = f"a good one: export {spec.secret_env}=$(openssl rand -base64 32)"
    if not environ.get(spec.secret_env):
        raise SettingsError(f"the secret of [alerts] comes from {spec.secret_env}, which is not set", hint=hint)
    try:
        secret = read_secret(environ[spec.secret_env])
    except ValueError as error:
        raise SettingsError(f"the secret of [alerts] in {spec.secret_env} cannot be used: {error}", hint=hint) from None
    return Receiver(url=spec.url, secret=secret, private=spec.private, timeout_s=spec.timeout_s)


def bench_of(folder: Path, project: Project, workflow: str, params: Mapping[str, str]) -> Bench:
    """Return what steps of a workflow are taken from, as the folder has them; needs no database."""
    from wave_runner.runner.new_runs import workflow_of
    from wave_runner.runner.unsaved import Bench

    found = workflow_of(project, workflow)
    return Bench(
        project=project,
        workflow=found,
        work_dir=folder / ".wave" / "work",
        environment={**environment(folder), "WAVE_PROJECT_DIR": str(folder.resolve())},
        sandbox=load(folder).sandbox,
        params=resolve_params(found, params),
    )


def _source(project: Project) -> str:
    return f"wave:{project.id}"


def whoami() -> str:
    """Return who is at work, for approvals: the operating system's user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _tables(project: Project) -> dict[str, bytes]:
    """Return the project's own SQL that makes its tables: files directly in sql/ whose name begins with `tables`."""
    return {path: body for path, body in project.files.items() if path.startswith(TABLES) and path.endswith(".sql")}
