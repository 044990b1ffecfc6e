"""What stands on a node of a Ray cluster for one model of a runner: a model server of that node's own.

It is a Ray actor, and knows nothing of Ray. Its server is what every server is that we start: on loopback, with a key
that nobody else is told, ended with whoever has started it. Requests come as values, and answers go back as values.
"""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from wave_runner.actors.ray_folder import HostFolder
from wave_runner.actors.ray_host import Installation
from wave_runner.core.outcome import Failure
from wave_runner.core.workflow import ServerSpec
from wave_runner.errors import ModelServerError
from wave_runner.servers import open_server
from wave_runner.servers.protocol import Load, Reply, Request

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Order:
    """Which server is to stand there. Its weights are looked for below `project_dir`, if their path is not absolute."""

    spec: ServerSpec
    project_dir: Path
    memory: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Unusable:
    """What keeps the server from being used on that node: a `ModelServerError`, as a value."""

    message: str
    hint: str


class ServerHost:
    """Does what a `ModelServer` does, for a runner on another machine."""

    def __init__(self, order: Order) -> None:
        self._folder = HostFolder()
        self._server = open_server(
            order.spec,
            project_dir=order.project_dir,
            state_dir=self._folder.path,
            environ=os.environ,
            memory=order.memory,
        )

    async def installation(self) -> Installation:
        return Installation.here()

    async def digest(self, model: str) -> str | Unusable:
        return await _usable(self._server.digest(model))

    async def resident(self) -> Mapping[str, int | None] | Unusable:
        return await _usable(self._server.resident())

    async def load(self, model: str) -> Load | Failure | Unusable:
        """Have `model` in memory, and nothing else."""
        load = await _usable(self._server.ensure_loaded(model))
        return replace(load, message=_told_here(load.message)) if isinstance(load, Failure) else load

    async def infer(self, request: Request) -> Reply | Failure | Unusable:
        return await _usable(self._server.infer(request))

    async def close(self) -> None:
        """End the server and everything it started, and remove what it has kept on disk."""
        await self._server.close()
        await asyncio.to_thread(self._folder.remove)


async def _usable(asked: Awaitable[T]) -> T | Unusable:
    try:
        return await asked
    except ModelServerError as error:
        return Unusable(message=_told_here(error.message), hint=error.hint)


def _told_here(message: str) -> str:
    """Return a message that says where: what is true of one node may not be of another."""
    return f"on the node {platform.node()}: {message}"
