"""A process's place in a Ray cluster, and what it has standing on nodes there."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from wave_runner.actors.job import HostLost
from wave_runner.actors.ray_host import Installation
from wave_runner.errors import ActorError, SettingsError

AUTO = "auto"
"""The address that stands for the cluster which Ray finds by itself: `RAY_ADDRESS`, or the one on this machine."""

CONNECT_S = 5.0
"""How long a cluster may take to answer at all, seconds."""

END_S = 5.0
"""How long a host may take to end what it has started in good order, seconds, before it is killed."""

PLACES_TRIED = 5
"""How many hosts in a row may be lost before they have begun anything: Ray learns late that a node is gone."""

ROOM_S = 1.0
"""How often whoever waits for a place looks round, seconds: hosts that are idle give theirs up."""

Resources = Mapping[str, float]

_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
_OWN = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}


class Cluster:
    """The cluster of this process. Never starts one. Ray knows one for a process: the last who leaves it disconnects.

    `gives_way` ends what its user has standing there and does not need. Raises `SettingsError` without Ray, and
    `ActorError` where nobody can be reached at `address`.
    """

    _joined: ClassVar[set[Cluster]] = set()

    def __init__(self, address: str = AUTO, *, gives_way: Callable[[], None] | None = None) -> None:
        self.ray = _connect(address)
        self._gives_way = gives_way
        Cluster._joined.add(self)

    def leave(self) -> None:
        """Disconnect, unless somebody else in this process is at work there. Safe twice."""
        if self in Cluster._joined:
            Cluster._joined.remove(self)
            if not Cluster._joined:
                self.ray.shutdown()

    def make_room(self) -> None:
        """Have everybody in this process give way: what is idle may stand where something else could."""
        for one in Cluster._joined:
            if one._gives_way is not None:
                one._gives_way()

    def check_room(self, needs: Resources, *, name: str, setting: str) -> None:
        """Raise `ActorError` where what stands for `name` waits in vain: no node has so much, taken or not."""
        named = _ray_names(needs)
        nodes = [node["Resources"] for node in self.ray.nodes() if node["Alive"]]
        if not any(all(node.get(one, 0.0) >= amount for one, amount in named.items()) for node in nodes):
            hint = f"add a node that has them, or ask for less in `{setting}` of wave.toml's [settings]"
            raise ActorError(f"no node of the Ray cluster has what {name} needs ({in_words(needs)})", hint=hint)


class Host:
    """A Ray actor as the runner sees it: on any node with room for it, and never started again.

    `name` is what it is there for, `setting` the one that says what it needs.
    """

    def __init__(
        self,
        cluster: Cluster,
        of: type,
        given: Any,
        *,
        name: str,
        needs: Resources,
        setting: str,
        expected: Installation,
    ) -> None:
        self.name = name
        self.needs = needs
        self._cluster = cluster
        self._ray = cluster.ray
        self._setting = setting
        self._expected = expected
        # Started again it would have nothing in hand.
        self._actor = self._ray.remote(of).options(max_restarts=0, **_options(needs)).remote(given)

    async def stands(self) -> None:
        """Return once it stands on a node that has what this runner has.

        Raises `HostLost`, and `ActorError` where it cannot be started, or has another installation.
        """
        try:
            there: Installation = await self._actor.installation.remote()
        except self._ray.exceptions.RayActorError as error:
            if not error.actor_init_failed:
                raise HostLost(_first_line(error)) from error
            raise self._cannot_start(error) from error
        except self._ray.exceptions.RayError as error:
            raise self._cannot_start(error) from error
        if there != self._expected:
            hint = f"install wave-runner=={self._expected.wave_runner} for the Python that this runner has, there"
            message = f"a node of the Ray cluster has {there}, this runner {self._expected}"
            raise ActorError(f"{message}: they cannot work together", hint=hint)

    async def ask(self, method: str, *arguments: Any) -> Any:
        """Call a method there. What nobody waits for any more is cancelled there, too. Raises `HostLost`."""
        asked = getattr(self._actor, method).remote(*arguments)
        try:
            return await asked
        except asyncio.CancelledError:
            with contextlib.suppress(self._ray.exceptions.RayError):
                self._ray.cancel(asked)
            raise
        except self._ray.exceptions.RayActorError as error:
            raise HostLost(_first_line(error)) from error

    async def end(self) -> None:
        """End it, in good order if it still can."""
        with contextlib.suppress(self._ray.exceptions.RayError, TimeoutError):
            async with asyncio.timeout(END_S):
                await self._actor.close.remote()
        self.kill()

    def kill(self) -> None:
        """End it at once, wherever it is in its life."""
        self._ray.kill(self._actor)

    def check_room(self) -> None:
        """Raise `ActorError` where it waits for a place in vain."""
        self._cluster.check_room(self.needs, name=self.name, setting=self._setting)

    def _cannot_start(self, error: Exception) -> ActorError:
        hint = f"every node needs {Installation.here()}, the extra `ray` included"
        return ActorError(f"no host of {self.name} can be started on Ray: {_last_line(error)}", hint=hint)


def in_words(needs: Resources) -> str:
    """Return what is taken of a node, by Ray's names."""
    return ", ".join(f"{name}: {amount:g}" for name, amount in _ray_names(needs).items())


def _ray_names(needs: Resources) -> Resources:
    """Return what is taken of a node, as nodes say what they have."""
    options = _options(needs)
    return {**{name: options[key] for key, name in _OWN.items() if key in options}, **options["resources"]}


def _options(needs: Resources) -> dict[str, Any]:
    """Return what is asked of Ray: its own words by name, and the names of the user's nodes."""
    own = {name: amount for name, amount in needs.items() if name in _OWN}
    return {"num_cpus": 1, **own, "resources": {name: amount for name, amount in needs.items() if name not in _OWN}}


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
            raise SettingsError(f"to work in a Ray cluster the package ray is needed: {error}", hint=hint) from error
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
