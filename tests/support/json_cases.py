"""The files of JSONTestSuite, each whole: those that lie in `tests/data`, and the two large ones made anew."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data" / "json-test-suite"

LARGE = {
    "n_structure_100000_opening_arrays.json": b"[" * 100_000,
    "n_structure_open_array_object.json": b'[{"":' * 50_000 + b"\n",
}


def parsing() -> dict[str, bytes]:
    """Return the 318 files of `test_parsing` by name."""
    return _files("test_parsing") | LARGE


def transform() -> dict[str, bytes]:
    """Return the 22 files of `test_transform` by name."""
    return _files("test_transform")


def _files(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((FOLDER / folder).iterdir())}
