"""Model servers behind one protocol.

`llama_cpp` starts and owns a process, `ollama` is an Ollama by its URL, `openai` any compatible URL.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from wave_runner.errors import SettingsError

if TYPE_CHECKING:
    from wave_runner.core.workflow import ServerSpec
    from wave_runner.servers.protocol import ModelServer

__all__ = ["DRIVERS", "open_server"]

DRIVERS = ("llama_cpp", "ollama", "openai")


def open_server(
    spec: ServerSpec,
    *,
    project_dir: Path,
    state_dir: Path,
    environ: Mapping[str, str],
    memory: Mapping[str, int] | None = None,
) -> ModelServer:
    """Return the driver of `spec`, which starts nothing and connects to nothing before it is used.

    `state_dir` is the server's own folder, such as `.wave/servers/NAME`. `memory` is what models take, in bytes, as far
    as the project says it. Close it in the event loop that used it.
    """
    # Imported here: a command that asks no model must not pay for an HTTP client.
    if spec.driver == "llama_cpp":
        from wave_runner.servers.llama_cpp import LlamaCppServer

        return LlamaCppServer(spec, project_dir=project_dir, state_dir=state_dir, environ=environ, memory=memory)
    if spec.driver == "ollama":
        from wave_runner.servers.key import api_key
        from wave_runner.servers.ollama import OllamaServer

        return OllamaServer(spec, api_key(spec, project_dir=project_dir, environ=environ), memory)
    if spec.driver == "openai":
        from wave_runner.servers.key import api_key
        from wave_runner.servers.openai import OpenAIServer

        return OpenAIServer(spec, api_key(spec, project_dir=project_dir, environ=environ))
    raise SettingsError(
        f"the server {spec.name!r} names the driver {spec.driver!r}, which does not exist",
        hint=f"There are {', '.join(DRIVERS)}.",
    )
