"""A model server that the environment names, to be used instead of the one that a project would start.

WAVE_MODEL_URL with WAVE_MODEL_NAME and WAVE_MODEL_KEY, or an Ollama that OLLAMA_HOST names and that answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import httpx2

from wave_runner.core.workflow import ServerSpec
from wave_runner.errors import ModelServerError
from wave_runner.servers.exchange import is_on_this_machine
from wave_runner.servers.openai import base_url, checked_key

OLLAMA_PORT = 11434
ANYWHERE = {"", "0.0.0.0", "[::]"}  # noqa: S104 - what a server listens on, and nobody can ask
_HOST_AND_PORT = re.compile(r"(\[[^\]]*\]|[^:/]*)(?::(\d+))?/?$")
LOOK_TIMEOUT_S = 2.0
LIST_TIMEOUT_S = 10.0


def configured_elsewhere(environ: Mapping[str, str]) -> ServerSpec | None:
    """Return the server that the environment names, or None. Asks Ollama whether it is there; starts nothing."""
    url = environ.get("WAVE_MODEL_URL", "").strip()
    if url:
        key = "WAVE_MODEL_KEY" if environ.get("WAVE_MODEL_KEY") else ""
        return ServerSpec(name="elsewhere", driver="openai", url=url, api_key_env=key)
    host = environ.get("OLLAMA_HOST", "").strip()
    if host and _is_ollama(ollama_url(host)):
        return ServerSpec(name="ollama", driver="openai", url=f"{ollama_url(host)}/v1")
    return None


def model_elsewhere(spec: ServerSpec, environ: Mapping[str, str]) -> str:
    """Return WAVE_MODEL_NAME, or the first model that the server of `spec` lists."""
    named = environ.get("WAVE_MODEL_NAME", "").strip()
    if named:
        return named
    url = base_url(spec)
    key = checked_key(environ.get(spec.api_key_env), spec)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        reply = _get(f"{str(url).rstrip('/')}/models", headers=headers, timeout=LIST_TIMEOUT_S)
        models = [str(model["id"]) for model in reply.raise_for_status().json()["data"]]
    except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
        raise ModelServerError(
            f"{spec.url} does not list its models: {error}", hint="Check the URL, or name a model in WAVE_MODEL_NAME."
        ) from error
    if not models:
        raise ModelServerError(f"{spec.url} has no models", hint="Give it one, or name a model in WAVE_MODEL_NAME.")
    return models[0]


def ollama_url(host: str) -> str:
    """Return the URL that OLLAMA_HOST means: host, host:port or a URL. An address to listen on is asked on loopback."""
    scheme, _, rest = host.partition("://") if "://" in host else ("http", "", host)
    found = _HOST_AND_PORT.match(rest)
    name, port = found.groups() if found else (rest, None)
    default = {"https": 443}.get(scheme, OLLAMA_PORT)
    return f"{scheme}://{'127.0.0.1' if name in ANYWHERE else name}:{port or default}"


def _is_ollama(url: str) -> bool:
    try:
        return "version" in _get(f"{url}/api/version", headers={}, timeout=LOOK_TIMEOUT_S).json()
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, TypeError):
        return False


def _get(url: str, *, headers: Mapping[str, str], timeout: float) -> httpx2.Response:
    return httpx2.get(url, headers=headers, timeout=timeout, trust_env=not is_on_this_machine(httpx2.URL(url)))
