"""Times as people write them: `90s`, `30m`, `4h`, `2d`. The same in every file and on the command line."""

from __future__ import annotations

import re

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def read(text: str) -> float | None:
    """Return the seconds of a time; None if the text is none."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", text)
    return float(int(found[1]) * _SECONDS[found[2]]) if found else None
