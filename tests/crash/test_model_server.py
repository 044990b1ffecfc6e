"""A real model server that dies, freezes or cannot load: no record is lost, and nothing wrong is saved.

What a server by URL may answer instead is in test_model_zoo.py; the drivers by themselves are in tests/servers/.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.support.numbered_models import (
    DISTURBANCES,
    nothing_is_lost_and_nothing_is_wrong,
    run,
)
from tests.support.projects import Ground


@pytest.mark.parametrize("disturb", DISTURBANCES.values(), ids=DISTURBANCES)
def test_what_is_lost_in_the_middle_of_a_wave_is_started_anew_and_costs_no_record(
    numbered: Ground, disturb: Callable[[Ground], None]
):
    saved = run(numbered, disturb)
    assert numbered.one("SELECT max(attempt) FROM interactions") > 1, "somebody was disturbed"
    nothing_is_lost_and_nothing_is_wrong(numbered, saved)
