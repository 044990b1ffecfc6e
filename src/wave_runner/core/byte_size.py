"""Numbers of bytes as people write them."""

from __future__ import annotations

import re

LARGEST = 2**50
_SIZE = re.compile(r"(\d{1,7}(?:\.\d{1,3})?) ?(KB|MB|GB|TB|KiB|MiB|GiB|TiB|B)")
_UNITS = {"B": 1} | {
    prefix + suffix: base**power
    for suffix, base in (("B", 1000), ("iB", 1024))
    for power, prefix in enumerate("KMGT", start=1)
}


def read(text: str) -> int | None:
    """Return the bytes of a text such as `6 GiB` or `1.5 GB`; None where it is no such text, or not from 1 to 2^50."""
    found = _SIZE.fullmatch(text)
    if found is None:
        return None
    size = round(float(found[1]) * _UNITS[found[2]])
    return size if 1 <= size <= LARGEST else None


def show(size: int) -> str:
    """Return a number of bytes for people: `1.5 GiB`."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if size >= _UNITS[unit]:
            return f"{size / _UNITS[unit]:.1f} {unit}"
    return f"{size} B"
