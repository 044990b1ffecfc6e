"""Numbers of bytes as people write them."""

from __future__ import annotations

import pytest

from wave_runner.core.byte_size import read, show


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("6 GiB", 6 * 1024**3),
        ("6GiB", 6 * 1024**3),
        ("1.5 GB", 1_500_000_000),
        ("800 MiB", 800 * 1024**2),
        ("64 KB", 64_000),
        ("1 TiB", 1024**4),
        ("7 B", 7),
    ],
)
def test_a_size_is_read(text: str, size: int):
    assert read(text) == size


@pytest.mark.parametrize(
    "text", ["", "6", "6 gib", "GiB", "-1 GiB", "0 GiB", "0.0001 B", "9999999 TiB", "6 GiB ", "1e3 B"]
)
def test_what_is_no_size_is_none(text: str):
    assert read(text) is None


@pytest.mark.parametrize(
    ("size", "text"), [(5, "5 B"), (1024, "1.0 KiB"), (1536 * 1024, "1.5 MiB"), (9 * 1024**3, "9.0 GiB")]
)
def test_a_size_is_shown(size: int, text: str):
    assert show(size) == text
