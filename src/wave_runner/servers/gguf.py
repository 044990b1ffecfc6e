"""What the header of a .gguf file says about the memory that its weights will take."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, BinaryIO

_HALF = 2  # bytes: keys and values are held in half precision unless a server is told otherwise
_PLAIN = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_MOST = 1 << 32  # of anything: a larger number means that this is no header
_WANTED = (
    "block_count",
    "embedding_length",
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.value_length",
)


def memory_of(path: Path, tokens: int) -> int:
    """Return about how many bytes a model takes with a context of so many tokens: its file, and the keys and values.

    Where the header does not say what those take, the file alone. What a server needs for computing comes on top.
    """
    try:
        with path.open("rb") as file:
            header = _header(file)
    except (OSError, ValueError, struct.error):
        header = {}
    return path.stat().st_size + tokens * _bytes_per_token(header)


def _bytes_per_token(header: dict[str, Any]) -> int:
    """Return what keys and values take for each token; 0 where the header does not say."""
    layers, width = header.get("block_count", 0), header.get("embedding_length", 0)
    heads = _each(header.get("attention.head_count", 0), layers)
    kept = _each(header.get("attention.head_count_kv", heads), layers)
    largest = max(heads, default=0)
    if not (layers and largest):
        return 0
    key = header.get("attention.key_length", width // largest)
    value = header.get("attention.value_length", width // largest)
    return int(sum(kept) * (key + value) * _HALF)


def _each(number: Any, layers: int) -> list[int]:
    """Return a number for each layer: a header says one for all of them, or a list."""
    return list(number) if isinstance(number, list) else [number] * layers


def _header(file: BinaryIO) -> dict[str, Any]:
    """Return the wanted numbers by their names, without the architecture's name before them."""
    if file.read(4) != b"GGUF":
        raise ValueError("this is no .gguf file")
    _version, _tensors, entries = _unpack(file, "IQQ")
    found: dict[str, Any] = {}
    for _ in range(_sane(entries)):
        name = _string(file)
        value = _value(file, _unpack(file, "I")[0])
        wanted = name.partition(".")[2]
        if wanted in _WANTED:
            found[wanted] = value
        if name.startswith("tokenizer."):
            break  # what is wanted stands before it, and the vocabulary is long
    return found


def _value(file: BinaryIO, kind: int) -> Any:
    if kind in _PLAIN:
        return _unpack(file, _PLAIN[kind])[0]
    if kind == _STRING:
        return _string(file)
    if kind == _ARRAY:
        inner, count = _unpack(file, "IQ")
        return [_value(file, inner) for _ in range(_sane(count))]
    raise ValueError(f"there is no kind {kind}")


def _string(file: BinaryIO) -> str:
    return file.read(_sane(_unpack(file, "Q")[0])).decode("utf-8", "replace")


def _unpack(file: BinaryIO, form: str) -> tuple[Any, ...]:
    form = "<" + form
    return struct.unpack(form, file.read(struct.calcsize(form)))


def _sane(count: int) -> int:
    if count > _MOST:
        raise ValueError("a number in the header is out of all reason")
    return count
