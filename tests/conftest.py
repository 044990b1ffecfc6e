"""What all tests may ask for."""

import os
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.support.memory import folder_in_memory

pytest_plugins = [
    "tests.support.database",
    "tests.support.projects",
    "tests.support.numbered_models",
    "tests.support.serving",
    "tests.support.browser",
]

# A busy machine makes nothing wrong: no test fails because it was slow.
settings.register_profile("wave", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("wave")


def pytest_configure() -> None:
    """Let every process of a test hear what it is sent: `nohup` hands down that SIGHUP is ignored, `&` SIGINT."""
    for number, action in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, action)
    if (folder := folder_in_memory()) and "TMPDIR" not in os.environ:
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder)


# Of these folders some files take minutes. Begun last, one of them would keep a single worker busy in the end.
LONG = ("e2e", "projects", "crash", "regression", "core", "runner", "audit", "api", "store")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the folders of the longest files, and with each file's order as it is."""
    tests = Path(__file__).parent

    def rank(item: pytest.Item) -> int:
        folder = item.path.relative_to(tests).parts[0]
        return LONG.index(folder) if folder in LONG else len(LONG)

    items.sort(key=rank)
