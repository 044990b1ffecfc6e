"""Where processes are killed: at a statement, inside its transaction or after its COMMIT.

Each is a whole story of its own, so an ordinary run of the tests takes some of them, always the same ones. With
WAVE_CRASH_EVERYWHERE in the environment it takes every point in both places.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from wave_runner import crash_points

PLACES = ("", crash_points.COMMIT)
EVERYWHERE = "WAVE_CRASH_EVERYWHERE" in os.environ


def placed(statements: Sequence[str], every: int = 2) -> list[str]:
    """Return points at each of the statements, in one place or the other; of a longer list one in `every`."""
    if EVERYWHERE:
        return [statement + place for statement in statements for place in PLACES]
    return [statement + PLACES[number % 2] for number, statement in enumerate(statements[::every])]


def chosen(points: Sequence[str]) -> list[str]:
    """Return half of points that name their place: of each statement's two one, the first and the second in turn."""
    return [point for number, point in enumerate(points) if EVERYWHERE or number % 4 in {0, 3}]
