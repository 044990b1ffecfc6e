"""Which models the demo uses, and the lines of `wave.toml` that say so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from wave_runner.core.workflow import ServerSpec


@dataclass(frozen=True, kw_only=True)
class Models:
    """What the demo will ask: a server that the environment names, or our own with two weight files."""

    toml: str  # of the project, with these models in it
    files: int  # weight files; 0 where the server is somebody else's
    said: str  # for a person


def choose(folder: Path, environ: Mapping[str, str], *, notice: Callable[[str], object]) -> Models:
    """Take the server that the environment names, or unpack the small weights that this CPU can run."""
    from wave_runner.servers import binary, elsewhere, weights

    toml = (folder / "wave.toml").read_text(encoding="utf-8")
    spec = elsewhere.configured_elsewhere(environ)
    if spec is not None:
        model = elsewhere.model_elsewhere(spec, environ)
        return Models(toml=on_server(toml, spec, model), files=0, said=f"{model} on {spec.url}")
    found = binary.probe(binary.find_binary(environ), folder / ".wave" / "servers" / "probe.json")
    names = weights.names_for(found)
    notice(f"Unpacking {names[0]} and making {names[1]} from it; this takes some seconds.")
    weights.unpack(folder / ".wave" / "models", names, notice=notice)
    said = f"{' and '.join(names)} on a llama-server of our own ({found.version})"
    return Models(toml=with_weights(toml, names), files=len(names), said=said)


def with_weights(toml: str, names: tuple[str, str]) -> str:
    """Return the project's settings with the first weights for the summariser and the second for the others."""
    return "".join(
        re.sub(r'(?m)^model = ".*"', f'model = "{names[not part.startswith("[models.summariser]")]}"', part)
        for part in re.split(r"(?m)^(?=\[models\.)", toml)
    )


def on_server(toml: str, spec: ServerSpec, model: str) -> str:
    """Return the project's settings with every model on another server, in chat form."""
    key = f'api_key_env = "{spec.api_key_env}"\n' if spec.api_key_env else ""
    server = f'[servers.{spec.name}]\ndriver = "{spec.driver}"\nurl = "{spec.url}"\n{key}\n'
    parts = re.split(r"(?m)^(?=\[)", toml)
    return "".join(_elsewhere(part, spec.name, model) for part in parts).rstrip("\n") + f"\n\n{server}"


def _elsewhere(part: str, server: str, model: str) -> str:
    if not part.startswith("[models."):
        return part
    if part.startswith(("[models.summariser]", "[models.extractor]", "[models.judge]")):
        part = re.sub(r'(?m)^server = ".*"', f'server = "{server}"', part)
        return re.sub(r'(?m)^model = ".*"', f'model = "{model}"', part)
    # What other servers understand; the rest belongs to llama.cpp alone.
    own = re.compile(r"(repeat_penalty|cache_prompt|api) =")
    return "".join(line for line in part.splitlines(keepends=True) if not own.match(line))
