"""Script workers anywhere in a Ray cluster: as many busy at once as there are slots, each on a host with room for it.

State stays where it is: a script's bytes and items travel to a `RayHost`, outcomes and requests come back to the
runner, which holds the lease and alone speaks to the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from wave_runner.actors.job import HostLost, Job, RequestRefused, Requests, ScriptVersion
from wave_runner.actors.pool import WARM_S, key_of
from wave_runner.actors.ray_host import Answer, Finished, Installation, Parcel, RayHost
from wave_runner.core.outcome import Outcome
from wave_runner.errors import ActorError, SettingsError

AUTO = "auto"
"""The address that stands for the cluster which Ray finds by itself: `RAY_ADDRESS`, or the one on this machine."""

CONNECT_S = 5.0
"""How long a cluster may take to answer at all, seconds."""

END_S = 5.0
"""How long a host may take to end its worker in good order, seconds, before it is killed."""

ROOM_S = 1.0
"""How often a wave that waits for a place looks round, seconds: hosts that are idle give theirs up."""

PLACES_TRIED = 5
"""How many hosts in a row may be lost before they have begun anything: Ray learns late that a node is gone."""

Resources = Mapping[str, float]

_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
_OWN = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}

_log = logging.getLogger(__name__)


class RayPool:
    """Runs scripts on hosts that stay warm between waves, `warm` of them at most. For one event loop.

    `resources` says what one worker of a script needs, by the script's name: `num_cpus`, `num_gpus`, `memory` in
    bytes, and resources that nodes were given names for. Without a word it is one CPU. `wait_s`: how long to wait for
    a place before that is said.
    """

    def __init__(
        self,
        *,
        slots: int,
        address: str = AUTO,
        resources: Mapping[str, Resources] | None = None,
        wait_s: float = 60.0,
        warm: int = 1,
        installation: Installation | None = None,
    ) -> None:
        self._ray = _connect(address)
        self._slots = asyncio.Semaphore(slots)
        self._resources = resources or {}
        self._wait_s = wait_s
        self._warm = warm
        self._installation = installation or Installation.here()
        self._idle: dict[_Host, asyncio.TimerHandle] = {}  # the one used longest ago first
        self._endings: set[asyncio.Task[None]] = set()
        self._closed = False

    async def run(self, script: ScriptVersion, jobs: Sequence[Job], requests: Requests) -> list[Outcome]:
        """Do all jobs on one host and return one outcome for each, in order: see `Pool`."""
        async with self._slots:
            host = await self._take(script)
            reusable = False
            try:
                outcomes = await host.do(jobs, requests, script.timeout_s)
                reusable = not self._closed
            finally:
                if reusable:
                    self._put_by(host)
                else:
                    await asyncio.shield(self._retire(host))
        return outcomes

    async def close(self) -> None:
        """End all hosts and leave the cluster. Safe twice; calls in progress are to be cancelled first."""
        self._closed = True
        self._let_all_go()
        await asyncio.gather(*self._endings)
        self._ray.shutdown()

    async def _take(self, script: ScriptVersion) -> _Host:
        """Return an idle host of this version, or start one where the cluster has room."""
        if self._closed:
            raise RuntimeError("the pool is closed")
        if warm := self._warm_one(script):
            return warm
        for _ in range(PLACES_TRIED):
            host = _Host(self._ray, script, self._resources.get(script.name, {}))
            try:
                return await self._placed(host)
            except HostLost as lost:  # nothing of the wave had begun
                _log.warning("a node of the Ray cluster was lost as it was to have %s (%s)", script.name, lost)
                await asyncio.shield(self._retire(host))
            except BaseException:
                await asyncio.shield(self._retire(host))
                raise
        hint = "look at the nodes: their memory, and the logs of their raylets"
        raise ActorError(f"{PLACES_TRIED} hosts for {script.name} were lost as they started", hint=hint)

    def _warm_one(self, script: ScriptVersion) -> _Host | None:
        for host in reversed(self._idle):
            if key_of(host.script) == key_of(script):
                self._idle.pop(host).cancel()
                return host
        return None

    async def _placed(self, host: _Host) -> _Host:
        """Return the host once it stands, or another of its script that became idle first; say what it waits for."""
        ready = asyncio.ensure_future(host.installation())
        now = asyncio.get_running_loop().time
        say_at = now() + self._wait_s
        try:
            while not (await asyncio.wait({ready}, timeout=ROOM_S))[0]:
                if warm := self._warm_one(host.script):
                    self._retire(host)
                    return warm
                self._let_all_go()  # what is idle here may stand where this one could
                if now() >= say_at:
                    self._say_what_is_missing(host)
                    say_at = now() + self._wait_s
            there = ready.result()
        finally:
            ready.cancel()
        if there != self._installation:
            hint = f"install wave-runner=={self._installation.wave_runner} for the Python that this runner has, there"
            message = f"a node of the Ray cluster has {there}, this runner {self._installation}"
            raise ActorError(f"{message}: they cannot work together", hint=hint)
        return host

    def _say_what_is_missing(self, host: _Host) -> None:
        needed = host.resources
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        what = ", ".join(f"{name}: {amount:g}" for name, amount in needed.items())
        if not any(all(node.get(name, 0.0) >= amount for name, amount in needed.items()) for node in nodes):
            hint = "add a node that has them, or ask for less in `ray_resources` of wave.toml's [settings]"
            raise ActorError(f"no node of the Ray cluster has what {host.script.name} needs ({what})", hint=hint)
        message = "%s waits for a place in the Ray cluster (%s): all are taken; `ray status` shows by whom"
        _log.warning(message, host.script.name, what)

    def _put_by(self, host: _Host) -> None:
        self._idle[host] = asyncio.get_running_loop().call_later(WARM_S, self._let_go, host)
        while len(self._idle) > self._warm:
            self._let_go(next(iter(self._idle)))

    def _let_all_go(self) -> None:
        for host in list(self._idle):
            self._let_go(host)

    def _let_go(self, host: _Host) -> None:
        self._idle.pop(host).cancel()
        self._retire(host)

    def _retire(self, host: _Host) -> asyncio.Task[None]:
        """End a host in a task of its own, so that a cancelled wave cannot leave it half ended."""
        task = asyncio.create_task(host.end())
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)
        return task


class _Host:
    """A `RayHost` as the runner sees it."""

    def __init__(self, ray: Any, script: ScriptVersion, needs: Resources) -> None:
        self.script = script
        self._ray = ray
        options = _options(needs)
        own = {name: options[key] for key, name in _OWN.items() if key in options}
        self.resources: Resources = {**own, **options.get("resources", {})}
        parcel = Parcel(script=script, files=_files(script.root))
        # One call of a script at a time; beside it `answer` and `close`. Started again it would have nothing in hand.
        self._actor = ray.remote(RayHost).options(max_restarts=0, **options).remote(parcel)

    async def installation(self) -> Installation:
        """Return what the node has, once the host stands on one."""
        try:
            found: Installation = await self._actor.installation.remote()
        except self._ray.exceptions.RayActorError as error:
            if not error.actor_init_failed:
                raise HostLost(_first_line(error)) from error
            raise self._cannot_start(error) from error
        except self._ray.exceptions.RayError as error:
            raise self._cannot_start(error) from error
        return found

    async def do(self, jobs: Sequence[Job], requests: Requests, timeout_s: float) -> list[Outcome]:
        """Have the jobs done, and requests answered meanwhile."""
        try:
            await self._actor.begin.remote(list(jobs), timeout_s)
            while not isinstance(said := await self._actor.next.remote(), Finished):
                await self._actor.answer.remote(said.number, await _answer(requests, said.name, said.arguments))
        except self._ray.exceptions.RayActorError as error:
            raise HostLost(_first_line(error)) from error
        if said.broken:
            hint = "look at the node: its disk, its processes, its memory"
            raise ActorError(f"no worker of {self.script.name} can be started on Ray: {said.broken}", hint=hint)
        return list(said.outcomes)

    async def end(self) -> None:
        """End the host, in good order if it still can."""
        with contextlib.suppress(self._ray.exceptions.RayError, TimeoutError):
            async with asyncio.timeout(END_S):
                await self._actor.close.remote()
        self._ray.kill(self._actor)

    def _cannot_start(self, error: Exception) -> ActorError:
        hint = f"every node needs {Installation.here()}, the extra `ray` included"
        return ActorError(f"no host of {self.script.name} can be started on Ray: {_last_line(error)}", hint=hint)


async def _answer(requests: Requests, name: str, arguments: Sequence[Any]) -> Answer:
    try:
        return Answer(value=await getattr(requests, name)(*arguments))
    except RequestRefused as error:
        return Answer(refused=str(error))


def _options(needs: Resources) -> dict[str, Any]:
    """Return what is asked of Ray: its own words by name, and the names of the user's nodes."""
    own = {name: amount for name, amount in needs.items() if name in _OWN}
    return {"num_cpus": 1, **own, "resources": {name: amount for name, amount in needs.items() if name not in _OWN}}


def _files(root: Path) -> dict[str, bytes]:
    """Return the files that a local worker would run, which were laid out from the approved bytes."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def _connect(address: str) -> Any:
    """Return Ray, connected to a cluster. Never starts one."""
    if "://" in address:
        hint = 'start the runner on a node of the cluster (`ray start --address=… --num-cpus=0`) and use "host:port"'
        raise SettingsError(f"ray_address {address}: a runner is a driver of its cluster, not a client", hint=hint)
    with _keeping_sigterm():
        try:
            import ray
        except ImportError as error:
            hint = "pip install 'wave-runner[ray]', here and on every node"
            raise SettingsError(f'pool = "ray" needs the package ray: {error}', hint=hint) from error
        if address != AUTO:
            _knock(ray, address)
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING, ignore_reinit_error=True)
        except (OSError, RuntimeError, ValueError) as error:  # ConnectionError where there is no cluster
            raise _unreachable(address, _first_line(error)) from error
    return ray


def _knock(ray: Any, address: str) -> None:
    """Raise at once if nobody is there: Ray itself would go on trying for many minutes."""
    host, _, port = address.rpartition(":")
    # Of this machine Ray takes the outer address, whatever it is called here.
    place = ray.util.get_node_ip_address() if host in _THIS_MACHINE else host.strip("[]")
    try:
        socket.create_connection((place, int(port)), timeout=CONNECT_S).close()
    except (OSError, ValueError, OverflowError) as error:
        raise _unreachable(f"{place}:{port}", str(error)) from error


def _unreachable(address: str, why: str) -> ActorError:
    hint = "start this host's node (`ray start --address=… --num-cpus=0`), and set ray_address as `ray status` says it"
    return ActorError(f"the Ray cluster at {address} cannot be reached: {why}", hint=hint)


@contextlib.contextmanager
def _keeping_sigterm() -> Iterator[None]:
    """Keep who hears SIGTERM: Ray would have it end the process, with everything in hand."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _last_line(error: Exception) -> str:
    """Return what it came to: Ray puts the traceback of the node before that."""
    return str(error).strip().splitlines()[-1].strip() if str(error).strip() else type(error).__name__
