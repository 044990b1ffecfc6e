"""Playwright keeps a loop in the thread of a test; what tests do with an engine has one in a thread of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from tests.support.projects import Ground
from tests.support.serving import work_twice

from wave_runner.engine import Engine

T = TypeVar("T")


class Apart(Ground):
    """A ground whose engine has a thread of its own."""

    def do(self, act: Callable[[Engine], Awaitable[T]]) -> T:
        """Do something with the engine open on this project."""
        with ThreadPoolExecutor(1) as one:
            return one.submit(super().do, act).result()


@pytest.fixture
def ground(ground: Ground) -> Ground:
    return Apart(**vars(ground))


@pytest.fixture
def worked(ground: Ground) -> Ground:
    work_twice(ground)
    return ground
