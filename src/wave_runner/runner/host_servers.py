"""The model servers that a host's folder declares, as a runner there uses them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from wave_runner.core.outcome import Failure
from wave_runner.core.rates import Rate
from wave_runner.core.residency import ANY_NUMBER, Room
from wave_runner.core.workflow import Project, ServerSpec
from wave_runner.errors import WaveError
from wave_runner.runner.runner import Server
from wave_runner.servers import open_server
from wave_runner.servers.protocol import ModelServer
from wave_runner.settings import Settings
from wave_runner.telemetry import Endpoint

# What they have in memory is ours to decide, so one runner at a time decides it.
OWNED_DRIVERS = frozenset({"llama_cpp", "ollama"})


@dataclass(frozen=True, kw_only=True)
class HostServers:
    """The servers of a project that its models use. What they keep on disk lies below `state_dir`."""

    project: Project
    folder: Path
    state_dir: Path
    settings: Settings
    environ: Mapping[str, str] = field(repr=False)

    @property
    def _in_use(self) -> list[str]:
        return sorted({model.server for model in self.project.models.values()})

    def all(self) -> list[Server]:
        """Return each of them as a runner has it."""
        return [self._server(name) for name in self._in_use]

    def rates(self) -> dict[str, Rate]:
        """Return what each server of the folder allows to all runners together, used or not."""
        return {name: _rate(spec) for name, spec in self.project.servers.items()}

    async def look(self) -> dict[str, str]:
        """Return for each of them what keeps it from being used from here; "" where nothing does."""
        found = {}
        for name in self._in_use:
            model = next(model.model for model in self.project.models.values() if model.server == name)
            found[name] = await self._look_at(name, model)
        return found

    def driver(self, name: str, *, purpose: str = "") -> ModelServer:
        """Return a server of its own for a purpose, beside that of a runner, which may be at work."""
        spec, models = self.project.servers[name], self.project.models.values()
        memory = {one.model: one.memory for one in models if one.server == name and one.memory}
        if not self._is_on_ray(name):
            state_dir = self.state_dir / (f"{name}.{purpose}" if purpose else name)
            return open_server(spec, project_dir=self.folder, state_dir=state_dir, environ=self.environ, memory=memory)
        from wave_runner.actors.ray_server import RayServer

        return RayServer(
            spec,
            project_dir=self.folder,
            address=self.settings.ray_address,
            needs=(self.settings.ray_servers or {})[name],
            wait_s=self.settings.ray_wait_s,
            memory=memory,
        )

    def _is_on_ray(self, name: str) -> bool:
        return name in (self.settings.ray_servers or {})

    async def _look_at(self, name: str, model: str) -> str:
        try:
            driver = self.driver(name, purpose="look")
        except WaveError as error:
            return str(error)
        try:
            able = await driver.capabilities()
            # What we start ourselves can be started if its program runs; anything else must answer.
            load = None if able.controls_residency else await driver.ensure_loaded(model)
        except WaveError as error:
            return str(error)
        finally:
            await driver.close()
        return load.message if isinstance(load, Failure) else ""

    def _server(self, name: str) -> Server:
        spec = self.project.servers[name]
        # What a server may take of a machine's memory says nothing of many machines.
        memory = None if self._is_on_ray(name) else spec.memory
        return Server(
            name=name,
            driver=self.driver(name),
            owned=spec.driver in OWNED_DRIVERS,
            lanes=spec.models_max or 1,
            room=Room(most=spec.models_max or (ANY_NUMBER if memory else 1), bytes=memory),
            concurrency=spec.slots,
            rate=_rate(spec),
            endpoint=_endpoint(spec),
        )


def _rate(spec: ServerSpec) -> Rate:
    if spec.driver in OWNED_DRIVERS:
        return Rate()  # it has one owner, who asks it as fast as it can
    return Rate(
        concurrency=spec.slots,
        requests_per_minute=spec.requests_per_minute,
        tokens_per_minute=spec.tokens_per_minute,
    )


def _endpoint(spec: ServerSpec) -> Endpoint:
    if not spec.url:
        return Endpoint(provider=spec.driver, operation="text_completion")
    url = urlsplit(spec.url)
    port = url.port or (443 if url.scheme == "https" else 80)
    return Endpoint(provider=spec.driver, address=url.hostname or "", port=port)
