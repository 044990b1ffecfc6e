"""A folder with tiny models, and what the model server of this machine has been found to be."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tests.support.random_gguf import write_test_models

from wave_runner.errors import ModelServerError
from wave_runner.servers.binary import find_binary, probe


@pytest.fixture(scope="session")
def probed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A probe result, so that not every test probes anew; skips where no model server can run."""
    cache = tmp_path_factory.mktemp("probe") / "probe.json"
    try:
        probe(find_binary(os.environ), cache)
    except ModelServerError as error:
        pytest.skip(f"no model server runs here: {error}")
    return cache


@pytest.fixture
def project(tmp_path: Path, probed: Path) -> Path:
    """A folder with models/test-a, -b, -c and a state folder `state`."""
    write_test_models(tmp_path / "models")
    (tmp_path / "state").mkdir()
    shutil.copy(probed, tmp_path / "state/probe.json")
    return tmp_path
