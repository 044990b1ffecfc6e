"""A model server of our own in a Ray cluster: each model that is in memory has a host, on any node with room for it.

The runner decides what is loaded and what leaves, as it does of a server on its own machine; where that stands is
Ray's to decide. A model stays on its node until it leaves, and what it is asked goes there.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from wave_runner.actors.job import HostLost
from wave_runner.actors.ray_cluster import AUTO, PLACES_TRIED, ROOM_S, Cluster, Host, Resources, in_words
from wave_runner.actors.ray_host import Installation
from wave_runner.actors.ray_server_host import Order, ServerHost, Unusable
from wave_runner.core.outcome import ErrorClass, Failure, Outage
from wave_runner.core.workflow import ServerSpec
from wave_runner.errors import ActorError, ModelServerError
from wave_runner.servers import exchange, room
from wave_runner.servers.llama_cpp import wording
from wave_runner.servers.options import check_options
from wave_runner.servers.protocol import NO_OPTIONS, Capabilities, Load, Reply, Request

log = logging.getLogger(__name__)

SETTING = "ray_servers"


class NoPlace(Exception):
    """All places in the cluster are taken for now; the message says which."""


class RayServer:
    """The driver of such a server: `models_max` hosts at most, one if that is not said. For one event loop.

    `needs` is what each host takes of a node, as `RayPool` has it for scripts; as many CPUs as a server has threads,
    unless it says otherwise. `wait_s`: how long to wait for a place.
    """

    def __init__(
        self,
        spec: ServerSpec,
        *,
        project_dir: Path,
        address: str = AUTO,
        needs: Resources | None = None,
        wait_s: float = 60.0,
        memory: Mapping[str, int] | None = None,
    ) -> None:
        self._spec = spec
        self._address = address
        self._needs: Resources = {"num_cpus": spec.threads, **(needs or {})}
        self._wait_s = wait_s
        self._memory = memory or {}
        # One host, one model; how much memory a machine has left is Ray's to know.
        each = replace(spec, models_max=1, memory=None)
        self._order = Order(spec=each, project_dir=project_dir.absolute(), memory=self._memory)
        self._room = room.Room(models=spec.models_max or 1, memory=None)
        self._name = f"the model server {spec.name!r}"
        self._cluster: Cluster | None = None
        self._hosts: list[_Host] = []  # the one that was asked longest ago first
        self._endings: set[asyncio.Task[None]] = set()

    async def capabilities(self) -> Capabilities:
        """Return them if any node could have a host. None is started: a runner at work may have all the places."""
        try:
            self._joined().check_room(self._needs, name=self._name, setting=SETTING)
        except ActorError as error:
            raise _unusable(error) from error
        return Capabilities(
            slots=self._spec.slots,
            controls_residency=True,
            version="llama-server, as its node has it",
            models_max=self._room.models,
        )

    async def digest(self, model: str) -> str:
        """Return the SHA-256 of the file where the model is, else on any node that has a host already."""
        for _ in range(PLACES_TRIED):
            host = self._host_of(model) or next(iter(self._hosts), None) or self._new_host()
            try:
                found: str = await self._ask(host, "digest", model)
            except HostLost:
                continue
            except NoPlace as error:
                raise ModelServerError(str(error)) from error
            return found
        raise self._all_lost()

    async def resident(self) -> Mapping[str, int | None]:
        """Return what the servers on the nodes say; one that is lost has nothing."""
        found: dict[str, int | None] = {}
        for host in [host for host in self._hosts if host.is_up]:
            with suppress(HostLost):
                found |= await self._ask(host, "resident")
        return found

    async def size(self, model: str) -> int | None:
        """Return what wave.toml says: nobody adds up what is on several machines."""
        return self._memory.get(model)

    async def ensure_loaded(
        self,
        model: str,
        options: Mapping[str, Any] = NO_OPTIONS,
        *,
        evict: Sequence[str] | None = None,
        kept: Collection[str] = (),
    ) -> Load | Failure:
        """Have `model` on a host: its own, one that another model leaves, or a new one."""
        began, left = time.monotonic(), list[str]()
        for _ in range(PLACES_TRIED):
            leaving = self._leaving(model, evict, kept)
            if leaving is None:
                return room.no_room(model, self._models(), where=self._name)
            left += leaving
            host = self._host_of(model) or self._free_host(leaving)
            try:
                load = await self._load(host, model)
            except HostLost:
                continue  # nothing of the wave had begun
            except NoPlace as error:
                return Failure(error_class=ErrorClass.OVERLOADED, message=str(error), outage=Outage.SERVER)
            if isinstance(load, Failure):
                return load
            load_us = round((time.monotonic() - began) * 1_000_000) if load.loaded else 0
            return replace(load, load_us=load_us, evicted=tuple(left))
        raise self._all_lost()

    def wording(self, request: Request) -> bytes | None:
        return wording(request)

    async def infer(self, request: Request) -> Reply | Failure:
        """Do one request where its model is. Raises `HostLost` if that goes down under it."""
        check_options(self._spec.driver, request.options)
        host = self._host_of(request.model)
        if host is None or not host.is_up:
            return exchange.not_loaded(request.model, self._name)
        self._hosts.remove(host)
        self._hosts.append(host)
        host.requests += 1
        try:
            answer: Reply | Failure = await self._ask(host, "infer", request)
        finally:
            host.requests -= 1
        return answer

    async def unload(self, model: str) -> None:
        """End the host of `model`, whose place is free then."""
        if host := self._host_of(model):
            self._end(host)
            await asyncio.gather(*self._endings)

    async def close(self) -> None:
        """End all hosts and leave the cluster; the next use joins it anew."""
        for host in list(self._hosts):
            self._end(host)
        await asyncio.gather(*self._endings)
        if self._cluster is not None:
            self._cluster.leave()
            self._cluster = None

    def _models(self) -> list[str]:
        return [host.model for host in self._hosts if host.model]

    def _host_of(self, model: str) -> _Host | None:
        return next((host for host in self._hosts if host.model == model), None)

    def _leaving(self, model: str, evict: Sequence[str] | None, kept: Collection[str]) -> Sequence[str] | None:
        """Return which models leave for this one; None where it has no place even so."""
        there = self._models()
        if model in there:
            return ()
        if evict is None:
            busy = [host.model for host in self._hosts if host.requests]
            return room.to_unload(self._room, dict.fromkeys(there), None, order=there, busy=busy, kept=kept)
        gone = [name for name in there if name in evict]
        return gone if self._room.holds([None] * (len(there) - len(gone) + 1)) else None

    def _free_host(self, leaving: Sequence[str]) -> _Host:
        """Return a host that has nothing, or whose model leaves; whatever else leaves gives its place up."""
        free = sorted((host for host in self._hosts if host.model in {"", *leaving}), key=lambda host: not host.model)
        for host in free[1:]:
            self._end(host)
        return free[0] if free else self._new_host()

    def _new_host(self) -> _Host:
        cluster = self._joined()
        host = _Host(
            cluster,
            ServerHost,
            self._order,
            name=self._name,
            needs=self._needs,
            setting=SETTING,
            expected=Installation.here(),
        )
        host.standing = asyncio.create_task(self._placed(host, cluster))
        # Whoever waits for it hears of it; it may be that nobody does any more.
        host.standing.add_done_callback(lambda task: task.cancelled() or task.exception())
        self._hosts.append(host)
        return host

    async def _load(self, host: _Host, model: str) -> Load | Failure:
        had, host.model = host.model, model  # at once: it is nobody else's from here on
        try:
            load: Load | Failure = await self._ask(host, "load", model)
        except ModelServerError:
            host.model = had
            raise
        if isinstance(load, Failure):
            host.model = had
        return load

    async def _placed(self, host: _Host, cluster: Cluster) -> None:
        standing, now = asyncio.ensure_future(host.stands()), time.monotonic
        give_up_at = now() + self._wait_s
        try:
            while not (await asyncio.wait({standing}, timeout=min(ROOM_S, self._wait_s)))[0]:
                if now() >= give_up_at:
                    host.check_room()
                    raise self._no_place()
                cluster.make_room()
            standing.result()
        finally:
            standing.cancel()

    async def _ask(self, host: _Host, method: str, *arguments: Any) -> Any:
        """Ask a host once it stands. Raises `HostLost`, `NoPlace`, and `ModelServerError`; the host is gone then."""
        try:
            await asyncio.shield(host.standing)
            said = await host.ask(method, *arguments)
        except HostLost as lost:
            log.warning("a node of the Ray cluster was lost with %s on it (%s)", host.model or self._name, lost)
            self._end(host)
            raise
        except NoPlace:
            self._end(host)
            raise
        except ActorError as error:
            self._end(host)
            raise _unusable(error) from error
        if isinstance(said, Unusable):
            raise ModelServerError(said.message, hint=said.hint)
        return said

    def _end(self, host: _Host) -> None:
        """End a host in a task of its own, so that a cancelled wave cannot leave it half ended."""
        if host not in self._hosts:
            return
        self._hosts.remove(host)
        if not host.is_up:
            host.kill()  # it has begun nothing, and could not answer
            return
        task = asyncio.create_task(host.end())
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)

    def _joined(self) -> Cluster:
        if self._cluster is None:
            try:
                self._cluster = Cluster(self._address)
            except ActorError as error:
                raise _unusable(error) from error
        return self._cluster

    def _no_place(self) -> NoPlace:
        waited = f"{self._name} has waited {self._wait_s:g} s for a place in the Ray cluster ({in_words(self._needs)})"
        return NoPlace(f"{waited}: all are taken; `ray status` shows by whom")

    def _all_lost(self) -> ModelServerError:
        hint = "look at the nodes: their memory, and the logs of their raylets"
        return ModelServerError(f"{self._name}: {PLACES_TRIED} hosts were lost one after the other", hint=hint)


class _Host(Host):
    """A `ServerHost` as the runner sees it."""

    model = ""  # what it has in memory, or is about to have
    requests = 0  # under way
    standing: asyncio.Task[None]

    @property
    def is_up(self) -> bool:
        return self.standing.done() and not self.standing.cancelled() and self.standing.exception() is None


def _unusable(error: ActorError) -> ModelServerError:
    """Return what keeps a server from being used as the lanes know it: its work waits."""
    return ModelServerError(error.message, hint=error.hint)
