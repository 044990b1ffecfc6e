"""The key that a server by URL wants: from the environment or from a file, never from wave.toml, and nowhere else."""

from __future__ import annotations

import logging
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from wave_runner.core.outcome import Failure
from wave_runner.core.workflow import ServerSpec
from wave_runner.errors import SettingsError

log = logging.getLogger(__name__)

# Here Docker puts the secrets of a container, and everybody in it may read them.
MOUNTED = Path("/run/secrets")

# Servers that want no key are often given a word, such as `none`: what an answer says must not lose its words.
SHORTEST_SECRET = 16


def api_key(spec: ServerSpec, *, project_dir: Path, environ: Mapping[str, str]) -> str | None:
    """Return what the variable or the file holds that `spec` names; None if it names none.

    Raises `SettingsError` where there is nothing, or git would see the file. No message shows the key.
    """
    if spec.api_key_file:
        return _of_file(spec, project_dir)
    if spec.api_key_env and not environ.get(spec.api_key_env):
        raise SettingsError(
            f"the key of the server {spec.name!r} is to come from the variable {spec.api_key_env}, which is not set",
            hint=f"Set {spec.api_key_env}, or remove api_key_env from wave.toml if the server needs no key.",
        )
    return environ.get(spec.api_key_env) if spec.api_key_env else None


def without(key: str, failure: Failure) -> Failure:
    """Return a failure that does not say the key: some servers repeat the one that they refuse.

    The message goes into logs, and what was answered is kept.
    """
    if not key:
        return failure
    kept = failure.evidence
    if len(key) >= SHORTEST_SECRET:
        kept = tuple(replace(one, content=one.content.replace(key.encode(), b"[key]")) for one in kept)
    return replace(failure, message=failure.message.replace(key, "[key]"), evidence=kept)


def _of_file(spec: ServerSpec, project_dir: Path) -> str:
    path = (project_dir / Path(spec.api_key_file).expanduser()).resolve()
    if path.is_relative_to(project_dir.resolve()) and not path.is_relative_to((project_dir / ".wave").resolve()):
        raise SettingsError(
            f"the key of the server {spec.name!r} is to come from {spec.api_key_file}, which is part of the project",
            hint="Keep it outside of the project's folder, or below .wave/, which git does not see.",
        )
    try:
        key, mode = path.read_text(encoding="utf-8").strip(), path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SettingsError(
            f"the key of the server {spec.name!r} is to come from {path}: {said}",
            hint="Put the key there and nothing else, or remove api_key_file from wave.toml if the server needs none.",
        ) from None
    if not key:
        raise SettingsError(f"the key of the server {spec.name!r} is to come from {path}, which is empty")
    if mode & stat.S_IROTH and not path.is_relative_to(MOUNTED):
        log.warning("%s holds the key of the server %s, and everybody here can read it: chmod 600", path, spec.name)
    return key
