#!/usr/bin/env python3
"""Verify a bundle of sealed events. One file: Python 3.11 or newer, nothing else, no database, no network.

    wave-verify BUNDLE --policy FILE [--checkpoint FILE]...

BUNDLE is a folder or a zip file, as `wave audit export` writes it and `docs/reference/bundle.md` describes it. FILE of
`--policy` names the logs and keys that you trust; have it from somewhere else than the bundle. FILE of `--checkpoint`
is an older checkpoint that you have kept: the bundle must contain the same history.

It ends with 0 if everything holds, 1 if something was tampered with, 2 if something is missing that the bundle should
have, 3 if it was called wrongly. The first event that does not hold is named with its index in the log.

Everything in a bundle is hostile until it is proven: no file outside it is opened, nothing of it is run, and sizes,
depths and numbers are bounded before they are used.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import contextlib
import functools
import gc
import hashlib
import itertools
import json
import marshal
import os
import re
import stat
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from json.encoder import encode_basestring as _quote
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn, TextIO

OK, TAMPERED, INCOMPLETE, USAGE = 0, 1, 2, 3

MAX_FILES = 1_000_000
BLOCK = 1 << 20  # bytes that are read at once
MAX_LINE = 256 * 1024  # bytes: the data of an event has 16 KiB at most, and its names are short
MAX_PAYLOAD_LINE = 256 * 1024 * 1024
MAX_NOTE = 64 * 1024
MAX_MANIFEST = 256 * 1024 * 1024
MAX_RATIO = 100  # a zip file may say that it holds so many times its own size, and no more
MAX_SIGNATURES = 64
MAX_DEPTH = 200
EVENT = b'{"b":'  # so begins an entry of an event, and no other
BATCH = 5000  # events below one header, at most
MAX_INT = 2**53 - 1
LONGEST_TRANSACTION_US = 3_600_000_000
"""An event is stamped when it is written and sealed once its transaction has ended, so much later at most."""


class TamperedError(Exception):
    """Something in the bundle is not what was sealed, or not what it says it is."""


class IncompleteError(Exception):
    """Something that the bundle should have is not there, so that a check cannot be made."""


class UsageError(Exception):
    """The verifier was asked something that it cannot answer."""


# ─── JSON: one form only ─────────────────────────────────────────────────────────────────────────────────────────────


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text:.40} is a number that has no one form")


def _integer(text: str) -> int:
    found = int(text) if len(text) < 18 else _no_number(text)
    return found if -MAX_INT <= found <= MAX_INT else _no_number(text)


_scan = json.JSONDecoder(parse_float=_no_number, parse_int=_integer, parse_constant=_no_number).raw_decode
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
_write: Callable[[Any], str] = _ENCODER.encode
if _make := getattr(json.encoder, "c_make_encoder", None):
    # `encode` makes this anew for each value, which takes as long as most values do.
    _chunks = _make(None, _ENCODER.default, _quote, None, ":", ",", True, False, False)
    _write = lambda value: "".join(_chunks(value, 0))  # noqa: E731


def _read(text: str) -> Any:
    value, end = _scan(text)
    if end != len(text):
        raise ValueError("there is something after it")
    return value


def canonical(value: Any) -> str:
    """Return the one text of a JSON value: keys sorted, no spaces, no floats. On ASCII keys it is RFC 8785."""
    return _write(value)


def read_json(text: str) -> Any:
    """Return the value of a canonical JSON text; raise `TamperedError` for any other text."""
    try:
        value = _parsed(text)
        if _write(value) == text and _is_plain(value, 0):
            return value
    except RecursionError:
        raise _too_deep() from None
    raise TamperedError("is not canonical JSON")


def _decoded_text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise TamperedError("is not UTF-8") from None


def _parsed(text: str) -> Any:
    try:
        return _read(text)
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise TamperedError(f"is not JSON: {error!s:.120}") from None


def _too_deep() -> TamperedError:
    return TamperedError(f"JSON is nested deeper than {MAX_DEPTH} levels")


def _is_plain(value: Any, depth: int) -> bool:
    kind = type(value)
    if kind is str:
        return True  # half a surrogate pair cannot come out of UTF-8; written as an escape it is not canonical
    if depth > MAX_DEPTH:
        return False
    if kind is dict:
        return all(key.isascii() and _is_plain(item, depth + 1) for key, item in value.items())
    if kind is list:
        return all(_is_plain(item, depth + 1) for item in value)
    return True


# ─── Ed25519 (RFC 8032), verification only ───────────────────────────────────────────────────────────────────────────

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)  # of -1

_Point = tuple[int, int, int, int]  # x, y, z, t with x = X/z, y = Y/z, X·Y = t/z
_ZERO: _Point = (0, 1, 1, 0)


def _add(a: _Point, b: _Point) -> _Point:
    p = (a[1] - a[0]) * (b[1] - b[0]) % _P
    q = (a[1] + a[0]) * (b[1] + b[0]) % _P
    r = 2 * a[3] * b[3] * _D % _P
    s = 2 * a[2] * b[2] % _P
    e, f, g, h = q - p, s - r, s + r, q + p
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _multiply(n: int, point: _Point) -> _Point:
    result = _ZERO
    while n:
        if n & 1:
            result = _add(result, point)
        point = _add(point, point)
        n >>= 1
    return result


def _decoded(encoded: bytes) -> _Point | None:
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * _ROOT % _P
    if x * x % _P != square or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


def _encoded(point: _Point) -> bytes:
    inverse = pow(point[2], -1, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


_BASE = _decoded((4 * pow(5, -1, _P) % _P).to_bytes(32, "little"))


def is_signed(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Say whether `signature` (64 bytes) is the Ed25519 signature of `message` under `public_key` (32 bytes)."""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    key, s = _decoded(public_key), int.from_bytes(signature[32:], "little")
    if key is None or s >= _L:
        return False
    assert _BASE is not None
    h = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % _L
    minus_key = (_P - key[0], key[1], key[2], _P - key[3])
    return _encoded(_add(_multiply(s, _BASE), _multiply(h, minus_key))) == signature[:32]


# ─── Notes, checkpoints and the policy (C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-policy) ────────────

_LOG_KEY, _COSIGNER_KEY = 1, 4
_KEY_NAME = re.compile(r"[^\s+]{1,255}")
_SIGNATURE_LINE = re.compile(r"— ([^\s+]{1,255}) ([A-Za-z0-9+/=]{1,8000})")
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")


class Key(NamedTuple):
    """A key that is trusted, by its name."""

    name: str
    id: bytes
    kind: int
    public: bytes


class Checkpoint(NamedTuple):
    """What a log has promised: at this size it had this root. `text` is what was signed."""

    origin: str
    size: int
    root: bytes
    text: bytes
    signatures: tuple[tuple[str, bytes], ...]


def _base64(text: str) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise TamperedError(f"{text!r:.40} is not base64") from None
    if base64.b64encode(found).decode() != text:
        raise TamperedError(f"{text!r:.40} is not the one base64 of its bytes")
    return found


def parse_key(text: str) -> Key:
    """Return the key of a `name+id+key` text; raise `UsageError` if it is none."""
    try:
        name, key_id, encoded = text.split("+", 2)
        key = base64.b64decode(encoded, validate=True)
        given = bytes.fromhex(key_id)
    except (ValueError, binascii.Error):
        raise UsageError(f"{text!r:.80} is not a verifier key: name+id+key") from None
    if not _KEY_NAME.fullmatch(name) or len(key) != 33 or key[0] not in (_LOG_KEY, _COSIGNER_KEY):
        raise UsageError(f"{text!r:.80} is not the Ed25519 key of a log or of a witness")
    if hashlib.sha256(name.encode() + b"\n" + key).digest()[:4] != given:
        raise UsageError(f"{text!r:.80}: the id is not that of this name and key")
    return Key(name, given, key[0], key[1:])


def parse_checkpoint(note: bytes) -> Checkpoint:
    """Return a checkpoint with its signatures, none of them verified; raise `TamperedError` if it is none."""
    try:
        text = note.decode()
    except UnicodeDecodeError:
        raise TamperedError("the checkpoint is not UTF-8") from None
    if any(character < " " and character != "\n" for character in text) or "\x7f" in text:
        raise TamperedError("the checkpoint holds a control character")
    body, gap, rest = text.rpartition("\n\n")
    lines = body.split("\n")
    if not gap or not rest.endswith("\n") or len(lines) != 3:
        raise TamperedError("the checkpoint is not three lines, an empty one and signatures")
    signed = [_SIGNATURE_LINE.fullmatch(line) for line in rest[:-1].split("\n")]
    if len(signed) > MAX_SIGNATURES:
        raise TamperedError(f"the checkpoint has more than {MAX_SIGNATURES} signatures")
    signatures = tuple((found[1], _base64(found[2])) for found in signed if found is not None)
    if len(signatures) < len(signed):
        raise TamperedError("the checkpoint has a line that is no signature")
    if not _KEY_NAME.fullmatch(lines[0]) or not _SIZE.fullmatch(lines[1]) or int(lines[1]) > MAX_INT:
        raise TamperedError("the checkpoint has no origin or no size")
    root = _base64(lines[2])
    if len(root) != 32:
        raise TamperedError("the root of the checkpoint does not have 32 bytes")
    return Checkpoint(lines[0], int(lines[1]), root, body.encode() + b"\n", signatures)


class Policy:
    """Whom the auditor trusts: keys of logs, keys of witnesses, and how many witnesses must have signed."""

    def __init__(self, text: str) -> None:
        self.logs: list[Key] = []
        self._groups: dict[str, tuple[int, list[str]]] = {}
        self._witnesses: dict[str, Key] = {}
        self._quorum: str | None = None
        for number, line in enumerate(text.splitlines(), 1):
            words = line.split()
            if words and not words[0].startswith("#"):
                try:
                    self._read(words)
                except UsageError as error:
                    raise UsageError(f"policy, line {number}: {error}") from None
        if not self.logs:
            raise UsageError("the policy names no log: log <key>")
        if self._quorum is None:
            raise UsageError("the policy has no quorum: quorum none, or quorum <name>")

    def _read(self, words: Sequence[str]) -> None:
        match words:
            case ["log", key, *url] if len(url) <= 1:
                self.logs.append(_kind(parse_key(key), _LOG_KEY))
            case ["witness", name, key, *url] if len(url) <= 1:
                self._new(name)
                self._witnesses[name] = _kind(parse_key(key), _COSIGNER_KEY)
            case ["group", name, needed, *members] if members:
                self._new(name)
                if unknown := [one for one in members if one not in self._witnesses and one not in self._groups]:
                    raise UsageError(f"{unknown[0]!r} is not named before")
                counts = {"any": 1, "all": len(members)}
                count = counts.get(needed) or (int(needed) if needed.isdecimal() and len(needed) < 5 else 0)
                if not 1 <= count <= len(members):
                    raise UsageError(f"{needed!r} is not any, all, or a number up to {len(members)}")
                self._groups[name] = (count, members)
            case ["quorum", name] if self._quorum is None:
                if name != "none" and name not in self._witnesses and name not in self._groups:
                    raise UsageError(f"{name!r} is not named before")
                self._quorum = name
            case _:
                raise UsageError(f"{' '.join(words)!r:.80} is no line of a policy")

    def _new(self, name: str) -> None:
        if name == "none" or name in self._witnesses or name in self._groups:
            raise UsageError(f"{name!r} is named twice, or reserved")

    def check(self, checkpoint: Checkpoint) -> None:
        """Raise `TamperedError` unless a trusted key of this log has signed, and the quorum of witnesses."""
        keys = [key for key in self.logs if key.name == checkpoint.origin]
        if not keys:
            raise TamperedError(f"the log is {checkpoint.origin!r}, of which the policy has no key")
        if not self._signed(keys, checkpoint, lambda blob: (blob, checkpoint.text)):
            raise TamperedError(f"the checkpoint of size {checkpoint.size} is signed by no key that the policy trusts")
        if self._quorum != "none" and not self._has_signed(str(self._quorum), checkpoint):
            raise TamperedError(f"the checkpoint of size {checkpoint.size} lacks the signatures of {self._quorum!r}")

    def _has_signed(self, name: str, checkpoint: Checkpoint) -> bool:
        if name in self._witnesses:
            return self._signed([self._witnesses[name]], checkpoint, lambda blob: _cosigned(blob, checkpoint.text))
        count, members = self._groups[name]
        return sum(self._has_signed(one, checkpoint) for one in members) >= count

    @staticmethod
    def _signed(
        keys: Iterable[Key], checkpoint: Checkpoint, opened: Callable[[bytes], tuple[bytes, bytes] | None]
    ) -> bool:
        """Say whether one of the keys has signed. One that only claims to be theirs is an attack."""
        found = False
        for key in keys:
            for name, blob in checkpoint.signatures:
                if name == key.name and blob[:4] == key.id:
                    parts = opened(blob[4:])
                    if parts is None or not is_signed(key.public, *parts):
                        raise TamperedError(f"the signature by {key.name!r} on the checkpoint is false")
                    found = True
        return found


def _kind(key: Key, kind: int) -> Key:
    if key.kind != kind:
        raise UsageError(f"{key.name!r} has a key of another kind")
    return key


def _cosigned(blob: bytes, text: bytes) -> tuple[bytes, bytes] | None:
    if len(blob) != 72:
        return None
    return blob[8:], b"cosignature/v1\ntime %d\n" % int.from_bytes(blob[:8], "big") + text


# ─── The tree (RFC 6962, RFC 9162) and its tiles (C2SP tlog-tiles) ───────────────────────────────────────────────────

TILE = 256  # hashes


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of one entry of the log."""
    return hashlib.sha256(b"\0" + entry).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def _pair_up(hashes: Sequence[bytes]) -> list[bytes]:
    sha256 = hashlib.sha256
    return [sha256(b"\1" + hashes[i] + hashes[i + 1]).digest() for i in range(0, len(hashes) - 1, 2)]


def _peaks(hashes: Sequence[bytes]) -> list[bytes]:
    """Return the roots of the complete trees over some neighbours, the largest first."""
    peaks: list[bytes] = []
    while hashes:
        if len(hashes) & 1:
            peaks.append(hashes[-1])
        hashes = _pair_up(hashes)
    return peaks[::-1]


def _bagged(peaks: Sequence[bytes]) -> bytes:
    if not peaks:
        return hashlib.sha256(b"").digest()
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = _node(peak, root)
    return root


class Tree:
    """A tree that grows by leaves and knows its root at any moment. `check_tile` is given each tile that is full."""

    def __init__(self, check_tile: Callable[[int, int, Sequence[bytes]], None]) -> None:
        self.size = 0
        self._rows: list[list[bytes]] = [[]]  # of each level of tiles, the one that is being filled
        self._check_tile = check_tile

    def append(self, leaf: bytes) -> None:
        """Add one leaf."""
        self.size += 1
        self._rows[0].append(leaf)
        if not self.size % TILE:
            self._full(0)

    def _full(self, level: int) -> None:
        """Check a tile that has become full, and put its root into one of the level above."""
        row = self._rows[level]
        self._check_tile(level, (self.size >> 8 * level) // TILE - 1, row)
        if level + 1 == len(self._rows):
            self._rows.append([])
        self._rows[level] = []
        self._rows[level + 1] += _peaks(row)
        if len(self._rows[level + 1]) == TILE:
            self._full(level + 1)

    def finish(self) -> None:
        """Give `check_tile` what is left: the tiles that are not full."""
        for level, row in enumerate(self._rows):
            if row:
                self._check_tile(level, (self.size >> 8 * level) // TILE, row)

    def root(self) -> bytes:
        """Return the root of what is there now."""
        return _bagged([peak for row in reversed(self._rows) for peak in _peaks(row)])


def tile_path(level: int, number: int, width: int = TILE) -> str:
    """Return where a tile lies, as C2SP names it: `tile/0/x001/234`, and `.p/17` for one of 17 hashes."""
    parts = [f"{number % 1000:03d}"]
    while number := number // 1000:
        parts.insert(0, f"x{number % 1000:03d}")
    return f"tile/{level}/{'/'.join(parts)}" + (f".p/{width}" if width < TILE else "")


def entries_path(number: int, width: int = TILE) -> str:
    """Return where a file of 256 entries lies."""
    return tile_path(0, number, width).replace("tile/0/", "tile/entries/", 1)


class Tiles:
    """The hashes of a tree as tiles, of which some may not be there. `read` gives the bytes of one, or None."""

    def __init__(self, size: int, read: Callable[[str], bytes | None]) -> None:
        self.size = size
        self._read = read
        self._known: dict[tuple[int, int], tuple[bytes, ...]] = {}
        self._hanging: set[tuple[int, int]] = set()

    def hashes(self, level: int, number: int) -> tuple[bytes, ...]:
        """Return the hashes of one tile. Raises `IncompleteError` if it is not there."""
        known = self._known.get((level, number))
        if known is None:
            width = min(TILE, (self.size >> 8 * level) - number * TILE)
            path = tile_path(level, number, width)
            content = self._read(path)
            if content is None:
                raise IncompleteError(f"{path} is not there")
            if len(content) != 32 * width:
                raise TamperedError(f"{path} does not hold {width} hashes")
            known = tuple(content[at : at + 32] for at in range(0, len(content), 32))
            self._known[level, number] = known
        return known

    def root(self, size: int) -> bytes:
        """Return the root that the tree had at some size, as its tiles say."""
        peaks: list[bytes] = []
        for level in reversed(range(8)):
            number, count = divmod(size >> 8 * level, TILE)
            if count:
                peaks += _peaks(self.hashes(level, number)[:count])
                self._hang(level, number)
        return _bagged(peaks)

    def leaf(self, index: int) -> bytes:
        """Return the hash of a leaf, from a tile that belongs to the tree."""
        self._hang(0, index // TILE)
        return self.hashes(0, index // TILE)[index % TILE]

    def _hang(self, level: int, number: int) -> None:
        """Raise unless a tile hangs, tile by tile, on one of those at the edge, of which the root is made."""
        while (level, number) not in self._hanging and (number + 1) * TILE <= self.size >> 8 * level:
            (top,) = _peaks(self.hashes(level, number))
            if self.hashes(level + 1, number // TILE)[number % TILE] != top:
                raise TamperedError(f"{tile_path(level, number)} does not belong to the tree")
            self._hanging.add((level, number))
            level, number = level + 1, number // TILE


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Say whether a leaf stands at an index of the tree of this size and root (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, leaf
    for one in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = _node(one, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = _node(found, one)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def is_consistent(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Say whether the newer tree begins with all of the older one (RFC 9162, section 2.1.4.2)."""
    if not 0 < old < new:
        return not proof and ((old == new and old_root == new_root) or (old == 0 and old_root == _bagged([])))
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = path[0]
    for one in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            first, second = _node(one, first), _node(one, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = _node(second, one)
        at, last = at >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


# ─── Reading a folder or a zip file that may be hostile ──────────────────────────────────────────────────────────────

_SAFE_NAME = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*/){0,12}[A-Za-z0-9_][A-Za-z0-9_.-]*")


def _lines(block: bytes) -> list[bytes]:
    # A thousand lines at once are split in the time in which few are read.
    return block.split(b"\n")[:-1]


class Files:
    """The files of a bundle by name. Nothing is opened that is not an ordinary file inside it."""

    def __init__(self, place: Path) -> None:
        self.sizes: dict[str, int] = {}
        self._place = place
        self._zip: zipfile.ZipFile | None = None
        if place.is_dir():
            self._list_folder()
        elif place.is_file():
            self._list_zip()
        else:
            raise UsageError(f"{place} is no folder and no zip file")
        if "manifest.json" not in self.sizes:
            raise UsageError(f"{place} is no bundle: it has no manifest.json")

    def _add(self, name: str, size: int) -> None:
        if not _SAFE_NAME.fullmatch(name) or len(name) > 250:
            raise TamperedError(f"the bundle holds a file with the name {name!r:.120}, which no bundle has")
        if name in self.sizes:
            raise TamperedError(f"the bundle holds {name} twice")
        if len(self.sizes) >= MAX_FILES:
            raise TamperedError(f"the bundle holds more than {MAX_FILES} files")
        self.sizes[name] = size

    def _list_folder(self) -> None:
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            with os.scandir(self._place / folder) as found:
                for one in found:
                    name = f"{folder}{one.name}"
                    status = one.stat(follow_symlinks=False)
                    if stat.S_ISDIR(status.st_mode):
                        if name.count("/") > 12:
                            raise TamperedError(f"the bundle holds folders that are too deep: {name!r:.120}")
                        waiting.append(f"{name}/")
                    elif stat.S_ISREG(status.st_mode):
                        self._add(name, status.st_size)
                    else:
                        raise TamperedError(f"{name!r:.120} in the bundle is no ordinary file")

    def _list_zip(self) -> None:
        if not zipfile.is_zipfile(self._place):
            raise UsageError(f"{self._place} is no zip file")
        self._zip = zipfile.ZipFile(self._place)
        for one in self._zip.infolist():
            if one.flag_bits & 1 or one.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise TamperedError(
                    f"{one.filename!r:.120} in the bundle is encrypted, or packed in a way that is not read"
                )
            if stat.S_ISLNK(one.external_attr >> 16):
                raise TamperedError(f"{one.filename!r:.120} in the bundle is no ordinary file")
            if not one.is_dir():
                self._add(one.filename, one.file_size)
        limit = MAX_RATIO * self._place.stat().st_size + 1_000_000
        if sum(self.sizes.values()) > limit:
            raise TamperedError(f"the zip file says that it holds more than {MAX_RATIO} times its own size")

    def open_anew(self) -> None:
        """Open a zip file once more: two processes that have it open together would move one place in it."""
        if self._zip is not None:
            self._zip = zipfile.ZipFile(self._place)

    def open(self, name: str) -> BinaryIO:
        """Open a file of the bundle."""
        if name not in self.sizes:
            raise IncompleteError(f"{name} is not there")
        if self._zip is not None:
            return self._zip.open(name)  # type: ignore[return-value]  # it reads as one
        handle = os.open(self._place / name, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        return os.fdopen(handle, "rb")

    def read(self, name: str, limit: int) -> bytes:
        """Return all of a file that must not be larger than `limit` bytes."""
        with self.open(name) as file:
            content = file.read(limit + 1)
        if len(content) > limit:
            raise TamperedError(f"{name} is larger than {limit} bytes")
        return content

    def blocks(self, name: str, longest: int) -> Iterator[bytes]:
        """Give a file in pieces of about a megabyte. Each ends where a line does, as the file must."""
        with self.open(name) as file:
            while block := file.read(BLOCK):
                if not block.endswith(b"\n"):
                    block += file.readline(longest + 1)
                    if not block.endswith(b"\n"):
                        raise TamperedError(f"{name} has a line that is too long or does not end")
                yield block

    def lines(self, name: str) -> Iterator[bytes]:
        """Give the lines of a file."""
        return itertools.chain.from_iterable(map(_lines, self.blocks(name, MAX_LINE)))

    def named(self, folder: str) -> list[str]:
        """Return the names of the files below a folder, in order."""
        return sorted(name for name in self.sizes if name.startswith(folder))

    def hash(self, name: str) -> str:
        """Return the SHA-256 of a file in hex."""
        with self.open(name) as file:
            found = hashlib.sha256()
            while part := file.read(BLOCK):
                found.update(part)
        return found.hexdigest()


# ─── Events: from a line of the bundle to the bytes that were sealed ─────────────────────────────────────────────────

_TEXT = r'"([^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*)"'
_ID = r"(?:0|[1-9][0-9]{0,15})"
_EVENT = re.compile(
    r"(\{"
    rf'(?:"actor":{_TEXT},)?'
    r'(?:"causationid":"([1-9][0-9]{0,15})/([1-9][0-9]{0,9})",)?'
    r'(?:"correlationid":"([0-9a-f-]{36})",)?'
    r'"data":(\{.*\}),'
    r'"dataschema":"wave:([a-z]+(?:\.[a-z]+(?:_[a-z]+)*)?)/1",)'
    rf'"dbuser":{_TEXT},'
    r'((?:"definition":"[0-9a-f]{64}",)?'
    rf'"id":"({_ID})",'
    rf'(?:"interaction":"({_ID})",)?'
    rf'"run":"({_ID})",'
    r'(?:"runner":"[0-9a-f-]{36}",)?'
    r'(?:"seq":([1-9][0-9]{0,9}),)?)'
    r'"sequence":"([0-9]{20})",'
    rf'("source":{_TEXT},'
    r'"specversion":"1\.0",'
    rf'(?:"step":{_TEXT},)?)'
    r'"time":"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})\.([0-9]{6})Z",'
    r'("type":"\7"'
    rf'(?:,"wave":"{_ID}")?'
    r"\})"
)
"""The one line of an event: CloudEvents 1.0 in canonical JSON. `read_event` knows its groups."""

_HASH = re.compile(r"[0-9a-f]{64}")
_EPOCH = datetime(1970, 1, 1)  # all times are UTC


class Event(NamedTuple):
    """What the checks need of one event; the time is the database's.

    `promised` is what it commits to, in the order of its data: its input, its output, its payloads. `body` is the
    SHA-256, in hex, of all of it that nobody has stamped.
    """

    event_id: int
    recorded_us: int
    db_user: str
    type: str
    run: int
    interaction: int | None
    seq: int | None
    cause: tuple[int, int] | None
    correlation: str | None
    data: Mapping[str, Any]
    promised: Sequence[str]
    body: str

    def entry(self, index: int) -> bytes:
        """Return the entry of the log that seals it at an index."""
        listed = '","'.join(self.promised)
        listed = f'"{listed}"' if listed else ""
        return (
            f'{{"b":"{self.body}","i":{self.event_id},"k":0,"n":{index},"p":[{listed}],'
            f'"r":{self.recorded_us},"u":{_quote(self.db_user)}}}'
        ).encode()


def read_event(line: str) -> tuple[int, Event]:
    """Return the index and the event of a line. Raises `TamperedError` for a line that is not that of an event."""
    found = _EVENT.fullmatch(line)
    if found is None:
        raise TamperedError("a line is no event of form 1 in canonical JSON")
    groups = found.groups()
    before, actor, cause, cause_seq, correlation, text, type_, user, middle, event_id, interaction, run = groups[:12]
    seq, index, after, source, step, second, microsecond, end = groups[12:]
    data = _data(text)
    if "\\" in line:
        user = _unescaped(user)
        for one in (actor, source, step):
            if one is not None:
                _unescaped(one)
    if (interaction is None) != (seq is None):
        raise TamperedError("an event has an interaction or a seq without the other")
    at, found_id, recorded_us, promised = int(index), int(event_id), _second(second) + int(microsecond), promises(data)
    event = Event(
        found_id,
        recorded_us,
        user,
        _label(type_),
        int(run),
        None if interaction is None else int(interaction),
        None if seq is None else int(seq),
        None if cause is None else (int(cause), int(cause_seq)),
        correlation,
        data,
        promised,
        # What the database and the sealer stamp is no part of it.
        hashlib.sha256(f"{before}{middle}{after}{end}".encode()).hexdigest(),
    )
    if found_id > MAX_INT or event.run > MAX_INT or (event.interaction or 0) > MAX_INT or (event.seq or 0) >= 2**31:
        raise TamperedError("an event has a number that is too large")
    return at, event


def _data(text: str) -> dict[str, Any]:
    """Return an event's data, whose text must be canonical."""
    data: dict[str, Any]
    try:
        data, end = _scan(text)
    except (ValueError, RecursionError):
        data, end = _parsed(text), 0  # which says what is wrong with it
    if end != len(text) or _write(data) != text:
        raise TamperedError("the data of an event is not canonical JSON")
    # What is no ASCII or may be deep is looked at closely; little is.
    simple = len(text) < 2 * MAX_DEPTH and text.isascii()
    if not simple and not _is_plain(data, 0):
        raise TamperedError("the data of an event holds what it must not hold")
    return data


def promises(data: Mapping[str, Any]) -> list[str]:
    """Return what an event commits to. What stands in the place of a commitment and is no hash commits to nothing."""
    found = [data.get("input"), data.get("output")]
    if type(payloads := data.get("payloads")) is list:
        found += [one.get("c") for one in payloads if type(one) is dict]
    return [one for one in found if type(one) is str and len(one) == 64 and _HASH.fullmatch(one)]


def _is_hash(value: Any) -> bool:
    return type(value) is str and _HASH.fullmatch(value) is not None


def _unescaped(text: str) -> str:
    """Return a text of JSON without its quotes as the text that it stands for; there is one way to write it."""
    if "\\" not in text:
        return text
    value: str = _parsed(f'"{text}"')
    if _quote(value) != f'"{text}"':
        raise TamperedError("a text of an event is not canonical JSON")
    return value


@functools.lru_cache(maxsize=1024)
def _label(type_: str) -> str:
    return type_.replace(".", "_", 1)


@functools.lru_cache(maxsize=1024)
def _second(text: str) -> int:
    """Return a time of whole seconds in microseconds since 1970, UTC."""
    try:
        return int((datetime.fromisoformat(text) - _EPOCH) / timedelta(seconds=1)) * 1_000_000
    except ValueError:
        raise TamperedError(f"{text} is no time") from None


Read = tuple[int, Event] | TamperedError
"""An event with its index; in the place of a line that is none, what is wrong with it."""


def read_events(files: Files, ahead: Ahead | None = None) -> Iterator[Read]:
    """Give the events of a bundle, as its lines come: those that a second process has read, and the others."""
    stretches = enumerate(_stretches(files, "events/", MAX_LINE))
    try:
        for number, (_, block) in stretches:
            read = ahead.next() if ahead and number % _EVENTS_HERE else None
            if read is None:
                yield from map(_read_line, _lines(block))
                continue
            for one in read:
                yield TamperedError(one) if type(one) is str else (one[0], Event._make(one[1]))
    except TamperedError as error:
        yield error
    finally:
        if ahead:
            ahead.end()


def _read_line(line: bytes) -> Read:
    try:
        return read_event(_decoded_text(line))
    except TamperedError as error:
        return error


def read_contents(files: Files, ahead: Ahead | None = None) -> Iterator[tuple[str, list[bytes | str]]]:
    """Give of a stretch of the contents of a bundle the name of its file and, of each line, the commitment.

    It is recomputed, by a second process or here. Instead of one it may be a text that says what is wrong.
    """
    for number, (name, block) in enumerate(_stretches(files, "payloads/", MAX_PAYLOAD_LINE)):
        read = ahead.next() if ahead and number % _CONTENTS_HERE else None
        yield name, _recomputed(block) if read is None else read


def _recomputed(block: bytes) -> list[bytes | str]:
    found: list[bytes | str] = []
    for line in _lines(block):
        try:
            found.append(_payload(_decoded_text(line)))
        except TamperedError as error:
            found.append(str(error))
    return found


def _stretches(files: Files, folder: str, longest: int) -> Iterator[tuple[str, bytes]]:
    return ((name, block) for name in files.named(folder) for block in files.blocks(name, longest))


WORTH_IT = 1 << 20  # bytes of events: a second process costs more than it gives below that
_CONTENTS_HERE, _EVENTS_HERE = 2, 8
"""Of so many stretches the first process reads one: it follows the history too, and so each has half of the work."""


def has_second_core() -> bool:
    """Say whether a second process would work beside this one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores > 1 and hasattr(os, "fork")


class Ahead:
    """A second process that reads some stretches of a bundle meanwhile, from now on.

    It judges nothing. Whatever ends it before it has read everything, the rest is read by the first one.
    """

    def __init__(self, files: Files) -> None:
        pipe, its_end = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            os.close(pipe)
            _send(files, its_end)
        os.close(its_end)
        self._sent: BinaryIO | None = os.fdopen(pipe, "rb")

    def next(self) -> list[Any] | None:
        """Return what it has read of its next stretch; None: it has ended."""
        if self._sent is None:
            return None
        length = int.from_bytes(self._sent.read(4), "big")
        sent = self._sent.read(length)
        if not length or len(sent) < length:
            self.end()
            return None
        found: list[Any] = marshal.loads(sent)  # noqa: S302  # it comes from our own second process
        return found

    def end(self) -> None:
        """Let it end, and wait for that."""
        if self._sent is not None:
            self._sent.close()
            self._sent = None
            os.waitpid(self._child, 0)


def _send(files: Files, pipe: int) -> NoReturn:
    """Be the second process: send a list for each of its stretches, first of contents, then of events."""
    try:
        files.open_anew()
        _widen(pipe)
        contents = _stretches(files, "payloads/", MAX_PAYLOAD_LINE)
        events = _stretches(files, "events/", MAX_LINE)
        with os.fdopen(pipe, "wb") as out:
            for stretches, here, read in (
                (contents, _CONTENTS_HERE, _recomputed),
                (events, _EVENTS_HERE, _read_plainly),
            ):
                for number, (_, block) in enumerate(stretches):
                    if number % here:
                        sent = marshal.dumps(read(block))
                        out.write(len(sent).to_bytes(4, "big") + sent)
    finally:
        os._exit(0)  # what has gone wrong, the first process meets as well


def _widen(pipe: int) -> None:
    """Let a pipe hold as much as Linux allows: the first process has other things to begin with."""
    import fcntl  # it is where `fork` is

    with contextlib.suppress(AttributeError, OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 1 << 20)


def _read_plainly(block: bytes) -> list[tuple[int, tuple[Any, ...]] | str]:
    reads = map(_read_line, _lines(block))
    return [str(read) if isinstance(read, TamperedError) else (read[0], tuple(read[1])) for read in reads]


# ─── What a history must be, whoever sealed it ───────────────────────────────────────────────────────────────────────

_NEW, _BLOCKED, _PENDING, _RUNNING, _WAITING, _COMPLETED, _FAILED, _QUARANTINED, _SKIPPED, _CANCELLED, _INVALIDATED = (
    1 << bit for bit in range(11)
)
_ANY = (1 << 11) - 1
_OVER = _COMPLETED | _FAILED | _QUARANTINED | _SKIPPED | _CANCELLED | _INVALIDATED

MOVES = {
    "interaction_started": (_PENDING, _RUNNING),
    "interaction_completed": (_RUNNING | _WAITING, _COMPLETED),
    "interaction_failed": (_RUNNING | _WAITING, _FAILED),
    "interaction_quarantined": (_PENDING | _RUNNING, _QUARANTINED),
    "interaction_retry_scheduled": (_RUNNING, _PENDING),
    "interaction_released": (_RUNNING, _PENDING),
    "interaction_lease_expired": (_RUNNING, _PENDING),
    "interaction_unblocked": (_BLOCKED, _PENDING),
    "interaction_skipped": (_NEW | _BLOCKED, _SKIPPED),
    "interaction_cancelled": (_PENDING | _RUNNING | _WAITING, _CANCELLED),
    "interaction_retried": (_FAILED | _QUARANTINED, _PENDING),
    "interaction_waiting": (_RUNNING, _WAITING),
    "interaction_set_aside": (_SKIPPED, 0),
    "interaction_superseded": (_OVER, 0),
    "interaction_restored": (_OVER, 0),
    "interaction_invalidated": (_COMPLETED, _INVALIDATED),
    "interaction_doubted": (_COMPLETED, 0),
    "interaction_fanned_out": (_RUNNING | _COMPLETED, 0),
    "staging_written": (_RUNNING, 0),
    "staging_decided": (_RUNNING, 0),
    "staging_completed": (_RUNNING, 0),
    "task_claimed": (_WAITING, 0),
    "task_released": (_WAITING, 0),
    "task_decided": (_WAITING, 0),
    "task_sent_back": (_WAITING, 0),
    "task_escalated": (_WAITING, 0),
}
"""Of each event of an interaction: the states that it may be in before, and the one after it; 0: it stays as it is."""

OTHERS = frozenset(
    {
        "run_started",
        "run_completed",
        "run_failed",
        "run_cancelled",
        "records_settled",
        "records_selected",
        "selection_failed",
        "values_written",
        "records_vanished",
        "records_returned",
        "batch_held",
        "batch_approved",
        "batch_refused",
        "staging_revalidated",
        "staging_promoted",
        "staging_rejected",
        "staging_rolled_back",
        "wave_opened",
        "wave_closed",
        "wave_expired",
        "wave_late_result",
        "model_loaded",
        "model_unloaded",
        "model_load_failed",
        "breaker_opened",
        "breaker_half_opened",
        "breaker_closed",
        "schedule_fired",
        "schedule_missed",
        "schedule_blocked",
        "alert_raised",
        "notice_sent",
        "notice_given_up",
        "paused",
        "resumed",
        "cancelled",
        "budget_exceeded",
        "budget_raised",
        "canary_judged",
        "batch_stopped",
        "retried",
        "rerun_started",
        "rerun_undone",
        "invalidated",
        "trial_adopted",
        "shadow_fed",
        "runner_told",
        "actor_registered",
        "actor_drifted",
        "actor_approved",
        "actor_tightened",
        "actor_restored",
        "projection_verified",
        "projection_diverged",
        "projection_rebuilt",
        "projection_swapped",
        "projection_event_skipped",
        "erasure_requested",
        "erasure_withdrawn",
        "record_erased",
        "workflow_registered",
        "workflow_drifted",
        "workflow_approved",
        "workflow_tightened",
        "workflow_restored",
        "log_verified",
        "payload_erased",
        "hold_placed",
        "hold_released",
        "retention_applied",
        "drop_requested",
        "drop_withdrawn",
        "drop_ordered",
        "history_dropped",
        "access_granted",
        "access_revoked",
        "access_denied",
        "session_opened",
        "session_ended",
        "view_saved",
        "view_removed",
    }
)
"""The events of no interaction."""

NAMES_WHO = {
    **dict.fromkeys(["task_claimed", "task_released", "task_decided", "task_sent_back"], "person"),
    **dict.fromkeys(["interaction_cancelled", "interaction_retried", "paused", "resumed", "cancelled"], "by"),
    **dict.fromkeys(["rerun_started", "rerun_undone", "invalidated", "trial_adopted"], "by"),
    **dict.fromkeys(["budget_raised", "retried", "runner_told", "log_verified"], "by"),
    **dict.fromkeys(["actor_approved", "actor_registered", "workflow_approved", "workflow_registered"], "by"),
    **dict.fromkeys(["actor_tightened", "workflow_tightened"], "by"),
    **dict.fromkeys(["batch_approved", "batch_refused", "staging_revalidated"], "by"),
    **dict.fromkeys(["staging_promoted", "staging_rejected", "staging_rolled_back"], "by"),
    "projection_event_skipped": "by",
    **dict.fromkeys(
        ["erasure_requested", "erasure_withdrawn", "hold_placed", "hold_released", "retention_applied"], "by"
    ),
    **dict.fromkeys(["drop_requested", "drop_withdrawn", "access_granted", "access_revoked"], "by"),
    **dict.fromkeys(["session_opened", "session_ended"], "person"),
    **dict.fromkeys(["view_saved", "view_removed"], "by"),
    **dict.fromkeys(["record_erased", "payload_erased", "drop_ordered", "history_dropped"], "approved_by"),
}
"""Decisions of somebody, and where their events name them."""


class _Stream:
    """What is known of one interaction so far."""

    __slots__ = ("run", "seq", "states", "superseded")

    def __init__(self, run: int, seq: int, states: int) -> None:
        self.run, self.seq, self.states = run, seq, states
        self.superseded = seq != 1  # or it may be: nobody knows what was before


class History:
    """Takes events in the order of the log, and says of each whether it can follow what came before.

    `begins` says that nothing of an interaction comes before what is shown, so that first events are first.
    """

    def __init__(self, *, begins: bool) -> None:
        self._begins = begins
        self._streams: dict[int, _Stream] = {}
        self._runs: set[int] = set()

    def add(self, event: Event) -> None:
        """Raise `TamperedError` if this event cannot come now."""
        # Weights that are asked for the first time are approved by that, and by nobody.
        first_use = event.type == "actor_registered" and "weights" in event.data
        who = None if first_use else NAMES_WHO.get(event.type)
        if who is not None and (type(event.data.get(who)) is not str or not event.data[who].strip()):
            raise TamperedError(f"{event.type} does not name who has decided it")
        if event.type == "record_erased":
            _check_two(event.data.get("requested_by"), event.data.get("approved_by"), "an erasure")
        if event.interaction is not None and event.seq is not None:
            self._follow(event, event.interaction, event.seq)
        elif event.type not in OTHERS:
            raise TamperedError(f"{event.type!r} is no event without an interaction")
        elif event.type == "run_started":
            self._runs.add(event.run)

    def _follow(self, event: Event, interaction: int, seq: int) -> None:
        move = MOVES.get(event.type)
        if move is None:
            raise TamperedError(f"{event.type!r} is no event of an interaction")
        stream = self._streams.get(interaction)
        if stream is None:
            self._begin(event, seq)
            first = _NEW | _BLOCKED | _PENDING if seq == 1 else _ANY
            stream = self._streams[interaction] = _Stream(event.run, seq, first)
        else:
            expected = stream.seq + 1
            stream.seq = seq
            if seq != expected:
                raise TamperedError(f"event {seq} of interaction {interaction} comes where event {expected} should")
            if event.cause != (interaction, seq - 1):
                raise TamperedError(f"event {seq} of interaction {interaction} is not caused by the one before it")
            if event.run != stream.run:
                raise TamperedError(f"interaction {interaction} changes from run {stream.run} to run {event.run}")
        before, stream.states = stream.states, move[1] or stream.states & move[0]
        if not before & move[0]:
            raise TamperedError(f"{event.type} cannot follow what interaction {interaction} has come to")
        if event.type == "interaction_superseded":
            stream.superseded = True
        elif event.type == "interaction_restored":
            if not stream.superseded:
                raise TamperedError(f"interaction {interaction} is restored, and nothing has superseded it")
            stream.superseded = False

    def _begin(self, event: Event, seq: int) -> None:
        """The first event of an interaction is caused by an earlier one of another, or its run has begun."""
        if seq != 1:
            if self._begins or event.cause != (event.interaction, seq - 1):
                raise TamperedError(f"the first event of interaction {event.interaction} has the number {seq}")
        elif event.cause is None:
            if self._begins and event.run not in self._runs:
                raise TamperedError(f"interaction {event.interaction} has no cause, and run {event.run} has not begun")
        else:
            cause = self._streams.get(event.cause[0])
            known = cause is not None or self._begins or event.cause[0] == event.interaction
            if known and (cause is None or cause.run != event.run or not 1 <= event.cause[1] <= cause.seq):
                raise TamperedError(
                    "its cause, event {1} of interaction {0}, does not come before it".format(*event.cause)
                )


_NOWHERE = -1


class Evidence:
    """Holds commitments against what is there: each is kept, or erased by a sealed event that names it.

    `kept` has of each content the interaction that it stands with, and must; None where it stands with none.
    """

    def __init__(self, kept: Mapping[bytes, int | None]) -> None:
        self._kept = kept
        self._newest: dict[int | None, tuple[bytes, int, int]] = {}
        self._open: dict[bytes, tuple[int, int]] = {}
        self._erased: set[bytes] = set()
        self._unsealed: set[bytes] = set()
        self._tried_anew: set[int] = set()
        self.used: set[bytes] = set()

    def add(self, event: Event, index: int) -> None:
        """Note what an event commits to, and take what it says is erased as erased."""
        if event.type == "payload_erased":
            self._erase(event)
        for place, promised in enumerate(event.promised):
            promise = bytes.fromhex(promised)
            # What an event commits to begins with its input, where it has one.
            is_input = place == 0 and event.interaction is not None and promised == event.data.get("input")
            owner = self._kept.get(promise, _NOWHERE)
            if owner is None or owner == event.interaction or self._has_copy(promise, event.interaction):
                self.used.add(promise)
                if is_input:
                    self._newest.pop(event.interaction, None)
            elif is_input:
                self._newest[event.interaction] = (promise, index, event.event_id)
            elif promised != event.data.get("output") or event.type == "interaction_completed":
                self._open[promise] = (index, event.event_id)

    def _has_copy(self, promise: bytes, interaction: int | None) -> bool:
        """Say whether a content stands with this interaction beside the one that is named with it."""
        return False

    def take(self, event: Event) -> None:
        """Take what is here of what an event commits to; what is not here need not be: it is of other records."""
        self.used |= self._kept.keys() & {bytes.fromhex(promised) for promised in event.promised}

    def _erase(self, event: Event) -> None:
        named = event.data.get("commitments")
        if type(named) is not list or not all(map(_is_hash, named)):
            raise TamperedError("an erasure does not name what was erased")
        erased = {bytes.fromhex(one) for one in named}
        self._erased |= erased
        _check_two(event.data.get("requested_by"), event.data.get("approved_by"), "an erasure")
        if still := erased & self._kept.keys():
            raise TamperedError(
                f"the content of {min(still).hex()} is still there, though this event says it was erased"
            )

    def expect_erasure(self, commitments: Iterable[str]) -> None:
        """Take it that these are erased by events that are not sealed yet: one that is missing is not tampered with."""
        self._unsealed |= {bytes.fromhex(one) for one in commitments}

    def expect_other_inputs(self, interactions: Iterable[int]) -> None:
        """Take it that these were begun once more by events that are not sealed yet: what is sealed is kept no more."""
        self._tried_anew.update(interactions)

    def unused(self) -> Iterator[str]:
        """Give the commitments of what is kept and what no event speaks of."""
        return (promise.hex() for promise in self._kept if promise not in self.used)

    def missing(self) -> Iterator[tuple[int, int, str, bool]]:
        """Give index, event, commitment of what is neither kept nor erased; whether its erasure is not sealed yet."""
        places = [(promise, *place) for promise, place in self._open.items()]
        inputs = [one for interaction, one in self._newest.items() if interaction not in self._tried_anew]
        for promise, index, event_id in [*places, *inputs]:
            if promise not in self._erased:
                yield index, event_id, promise.hex(), promise in self._unsealed


def _check_two(requested: Any, approved: Any, what: str) -> None:
    """Raise unless one person has asked for something and another one has agreed: blanks and capitals make no other."""
    named = all(type(one) is str and one.strip() for one in (requested, approved))
    if not named or requested.strip().casefold() == approved.strip().casefold():
        raise TamperedError(f"{what} is not requested by one person and approved by another")


class Dropped(NamedTuple):
    """What two people have ordered to go of a range of runs, at `log_index`: events at indexes of the log.

    `events` are those of it that are missed here; `is_done` says that the log says that they are gone.
    """

    first_run: int
    last_run: int
    requested_by: str
    approved_by: str
    log_index: int
    events: int
    is_done: bool

    def __str__(self) -> str:
        events = f" ({self.events} events)" if self.events else ""
        gone = "was dropped" if self.is_done else "is to be dropped"
        return (
            f"the history of runs {self.first_run} to {self.last_run}{events} {gone}: {self.requested_by} has asked "
            f"for it, and {self.approved_by} has agreed (log index {self.log_index})"
        )


_Stretch = tuple[int, int]  # indexes of the log that follow each other, the second one not among them


class _Order:
    """An order to drop the events of one range, as far as it is known."""

    def __init__(self, event: Event, index: int) -> None:
        self.event, self.index = event, index
        self.stretches: list[_Stretch] = []
        self.is_done = False


class Gone:
    """Holds events that are not there against the orders to drop them.

    One that is missing stands in a sealed order of two people, or was taken away. What is ordered may be there still,
    until the log says that it is gone: between the two lies the moment in which it goes.
    """

    def __init__(self, *, begins: bool) -> None:
        self._begins = begins  # nothing comes before what is shown
        self._missing: list[list[int]] = []
        self._orders: dict[tuple[str, int], _Order] = {}

    def miss(self, index: int) -> None:
        """Note that the event of an entry is not there. Indexes come in their order."""
        if self._missing and self._missing[-1][1] == index:
            self._missing[-1][1] += 1
        else:
            self._missing.append([index, index + 1])

    def add(self, event: Event, index: int) -> None:
        """Take an order, or that it is done."""
        data = event.data
        drop, first, last = data.get("drop"), data.get("first_run"), data.get("last_run")
        if type(drop) is not str or type(first) is not int or type(last) is not int or not 0 < first <= last:
            raise TamperedError("an order to drop history does not name the runs that it is of")
        if event.run != 0:
            raise TamperedError("an order to drop history is of a run, with which it could be dropped itself")
        _check_two(data.get("requested_by"), data.get("approved_by"), "a drop of history")
        order = self._orders.get((drop, first))
        if event.type == "history_dropped":
            if order is None and self._begins:
                raise TamperedError("history was dropped, and nobody has ordered it before")
            self._orders.setdefault((drop, first), order or _Order(event, index)).is_done = True
            return
        gone = data.get("gone")
        if type(gone) is not list or len(gone) % 2 or not all(type(one) is int for one in gone):
            raise TamperedError("an order to drop history does not name the entries whose events go")
        if gone and (gone[0] < 0 or gone[-1] > index or any(a >= b for a, b in itertools.pairwise(gone))):
            raise TamperedError("an order to drop history names entries out of their order, or later ones")
        order = self._orders.setdefault((drop, first), order or _Order(event, index))
        order.stretches += zip(gone[::2], gone[1::2], strict=True)

    def finish(self, findings: Findings, shown: _Stretch | None) -> list[Dropped]:
        """Note what is missing without an order, and what is there though it is gone; return what was dropped.

        `shown` is the part of the log of which every entry was looked at, if there is one.
        """
        missing = [(first, behind) for first, behind in self._missing]
        for order in self._orders.values():
            order.stretches = _merged(order.stretches)
        ordered = _merged([one for order in self._orders.values() for one in order.stretches])
        for first, behind in _without(missing, ordered):
            for index in range(first, behind):
                findings.add(TamperedError("its event is not there"), index)
        for order in self._orders.values():
            for first, _ in _without(_cut(order.stretches, shown), missing) if order.is_done else ():
                message = f"its event is there still, though the log says at index {order.index} that it is gone"
                findings.add(TamperedError(message), first)
        return [_dropped(order, missing) for order in self._orders.values()]


def _dropped(order: _Order, missing: Sequence[_Stretch]) -> Dropped:
    there = sum(behind - first for first, behind in _without(order.stretches, missing))
    data = order.event.data
    return Dropped(
        data["first_run"],
        data["last_run"],
        data["requested_by"],
        data["approved_by"],
        order.index,
        sum(behind - first for first, behind in order.stretches) - there,
        order.is_done,
    )


def _cut(stretches: Iterable[_Stretch], shown: _Stretch | None) -> list[_Stretch]:
    """Return what of stretches lies in what is shown."""
    if shown is None:
        return []
    cut = [(max(first, shown[0]), min(behind, shown[1])) for first, behind in stretches]
    return [one for one in cut if one[0] < one[1]]


def _merged(stretches: Iterable[_Stretch]) -> list[_Stretch]:
    """Return stretches in their order, each index in one of them only."""
    found: list[_Stretch] = []
    for first, behind in sorted(stretches):
        if found and first <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], behind)
        else:
            found.append((first, behind))
    return found


def _without(stretches: Iterable[_Stretch], others: Sequence[_Stretch]) -> Iterator[_Stretch]:
    """Give what of stretches is in none of the others; both are in their order, and none overlaps the next."""
    at = 0
    for first, behind in stretches:
        while at < len(others) and others[at][1] <= first:
            at += 1
        place = at
        while first < behind and place < len(others) and others[place][0] < behind:
            if first < others[place][0]:
                yield first, others[place][0]
            first = max(first, others[place][1])
            place += 1
        if first < behind:
            yield first, behind


_HEADER = {"at", "count", "k", "n", "prev_root", "prev_size", "snap"}


class Seals:
    """Takes entries in the order of the log: seal headers bound the times of the events of their batch."""

    def __init__(self, *, whole: bool, longest_transaction_us: int = LONGEST_TRANSACTION_US) -> None:
        self._whole = whole
        self._longest_us = longest_transaction_us
        self._at = 0  # of the header of this batch
        self._full = False
        self._not_before: int | None = None
        self._end = 0  # the index after this batch

    def header(self, index: int, value: Mapping[str, Any], root: bytes | None) -> None:
        """Take a seal header or an anchor. `root` is that of all before it, if it is known."""
        if self._whole and index != self._end:
            raise TamperedError(f"its batch should have ended at index {self._end}")
        at = value.get("at")
        if type(at) is not int or value.get("n") != index:
            raise TamperedError("an entry has no time, or says another index than its own")
        if value.get("k") != 1:
            self._end = index + 1
            if value.get("t") == "epoch_opened":
                _check_two(value.get("by"), value.get("approved_by"), "a new epoch")
            return
        if value.keys() != _HEADER or type(value["count"]) is not int or not 1 <= value["count"] <= BATCH:
            raise TamperedError("a seal header is none")
        if value["prev_size"] != index or (root is not None and value["prev_root"] != root.hex()):
            raise TamperedError("a seal header names another size or root than that of the log before it")
        if index != self._end:
            self._not_before = None
        elif not self._full and self._at:
            # What a full batch has left over may have waited for as long as the batch.
            self._not_before = self._at - self._longest_us
        self._at, self._end, self._full = at, index + 1 + value["count"], value["count"] == BATCH

    def event(self, index: int, event: Event) -> None:
        """Raise if an event stands outside every batch, or its time outside of what its batch allows."""
        if index >= self._end:
            if self._whole:
                raise TamperedError("an event stands outside of every batch that was sealed")
            raise IncompleteError("the header of its batch is not there")
        if event.recorded_us > self._at:
            raise TamperedError("it was recorded after it was sealed")
        if self._not_before is not None and event.recorded_us < self._not_before:
            raise TamperedError("it was recorded long before the batch before it was sealed: it was dated back")


# ─── A bundle ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Finding(NamedTuple):
    """One thing that does not hold. `log_index` and `event_id` are None where it is about no single event.

    `follows`: it may be nothing but what follows from another one, as a content that is missed when its erasure is.
    """

    log_index: int | None
    event_id: int | None
    why: str
    is_missing: bool
    follows: bool

    def __str__(self) -> str:
        event = "" if self.event_id is None else f" (event {self.event_id})"
        return self.why if self.log_index is None else f"log index {self.log_index}{event}: {self.why}"


class Findings:
    """What does not hold, in the order of the log; of many only the first of each kind that was come upon."""

    MOST = 1000

    def __init__(self) -> None:
        self._found: list[Finding] = []
        self.count = 0

    def add(
        self,
        error: TamperedError | IncompleteError,
        index: int | None = None,
        event_id: int | None = None,
        *,
        follows: bool = False,
    ) -> None:
        """Note one."""
        self.count += 1
        if len(self._found) < self.MOST:
            self._found.append(Finding(index, event_id, str(error), isinstance(error, IncompleteError), follows))

    def sorted(self) -> list[Finding]:
        """Return what was found: what was tampered with before what is missing, in the order of the log."""
        return sorted(
            self._found, key=lambda one: (one.is_missing, one.follows, one.log_index is None, one.log_index or 0)
        )

    def code(self) -> int:
        """Return what the program ends with."""
        if any(not one.is_missing for one in self._found):
            return TAMPERED
        return INCOMPLETE if self._found else OK


_BROKEN = (
    OSError, EOFError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError, RuntimeError, MemoryError,
    zipfile.BadZipFile, zlib.error, zipfile.LargeZipFile,
)  # fmt: skip
"""What reading hostile bytes may come to, beyond what is looked for. All of it means that this is no bundle of ours."""


class Checks:
    """The checks of entries and events, one after the other in the order of the log, whatever they are read from."""

    def __init__(
        self,
        scope: Mapping[str, Any],
        kept: Mapping[bytes, int | None],
        *,
        longest_transaction_us: int,
        prove: Callable[[int, bytes], None] | None = None,
    ) -> None:
        self.findings = Findings()
        self._prove = prove or _unproven
        self._is_part = scope["kind"] in ("run", "record")
        self.events = 0
        self.evidence = Evidence(kept)
        self._scope = scope
        self._history = History(begins=scope["kind"] != "range")
        self._seals = Seals(whole=scope["kind"] == "whole", longest_transaction_us=longest_transaction_us)
        self._gone = Gone(begins=scope["kind"] == "whole")
        self._shown: set[str] = set()
        self.dropped: list[Dropped] = []

    def event(self, index: int, event: Event, sealed: bytes | None) -> None:
        """Check one event against the entry that seals it; None: `prove` says whether its own was sealed.

        What comes after it is judged as if it had been in order.
        """
        self.events += 1
        try:
            entry = event.entry(index)
            if sealed is None:
                self._prove(index, entry)
            elif entry != sealed:
                raise TamperedError(f"it is not what was sealed: {_difference(entry, sealed)}")
            self._seals.event(index, event)
            if self._is_part:
                self._check_scope(event)
        except (TamperedError, IncompleteError) as error:
            self.findings.add(error, index, event.event_id)
        try:
            says_something = event.promised or event.type == "payload_erased"
            if says_something and (not self._is_part or self._is_wanted(event)):
                self.evidence.add(event, index)
            elif event.type == "values_written":
                self.evidence.take(event)
            self._history.add(event)
            if event.type in ("drop_ordered", "history_dropped"):
                self._gone.add(event, index)
        except TamperedError as error:
            self.findings.add(error, index, event.event_id)

    def missing(self, index: int) -> None:
        """Note that the event of an entry is not there: an order may say that it was dropped."""
        self._gone.miss(index)

    def header(self, index: int, text: str, root: bytes | None) -> None:
        """Check an entry that is about the log itself; `root` is that of all before it, if it is known."""
        value = read_json(text)
        if type(value) is not dict or value.get("k") not in (1, 2):
            raise TamperedError("it is no entry of a log")
        self._seals.header(index, value, root)

    def _is_wanted(self, event: Event) -> bool:
        """Say whether the contents behind an event belong to what is shown."""
        if self._scope["kind"] != "record" or event.type == "payload_erased":
            return True
        return event.correlation in self._scope["correlations"]

    def _check_scope(self, event: Event) -> None:
        if self._scope["kind"] == "run" and event.run not in (0, self._scope["run"]):
            raise TamperedError(f"it is of run {event.run}, and the bundle of run {self._scope['run']}")
        if self._scope["kind"] == "record" and event.correlation is not None:
            self._shown.add(event.correlation)

    def finish(self, size: int) -> None:
        """Say what is missing, and what nobody has asked for, of a log of so many entries."""
        shown = {"whole": (0, size), "range": (self._scope.get("from", 0), self._scope.get("to", 0))}
        self.dropped = self._gone.finish(self.findings, shown.get(self._scope["kind"]))
        for index, event_id, promise, waits in self.evidence.missing():
            error: TamperedError | IncompleteError = TamperedError(
                f"its content {promise} is not there as promised, and no event says that it was erased"
            )
            if waits:
                error = IncompleteError(f"its content {promise} was erased by an event that is not sealed yet")
            self.findings.add(error, index, event_id, follows=True)
        for promise in self.evidence.unused():
            self.findings.add(TamperedError(f"no event speaks of the content {promise}"), follows=True)
        if self._scope["kind"] == "record" and not self._shown >= set(self._scope["correlations"]):
            self.findings.add(IncompleteError("a flow that the bundle should show is not there"))


class WholeLog:
    """Takes a whole log, entry by entry with the event of each, and hashes it again."""

    def __init__(
        self,
        checks: Checks,
        checkpoint: Checkpoint,
        older: Iterable[Checkpoint],
        check_tile: Callable[[int, int, Sequence[bytes]], None],
    ) -> None:
        self.checks = checks
        self.tree = Tree(check_tile)
        self._checkpoint = checkpoint
        self._older: dict[int, dict[bytes, Checkpoint]] = {}
        for one in older:
            self._older.setdefault(one.size, {})[one.root] = one
        self._holds = 0  # so many entries are what an older checkpoint has promised

    def add(self, sealed: bytes, event: Event | None) -> None:
        """Take the next entry. `event` is the one that it seals, if it seals one and it is there."""
        index = self.tree.size
        if index in self._older:
            self._compare()
        try:
            if event is not None:
                self.checks.event(index, event, sealed)
            elif sealed.startswith(EVENT):
                self.checks.missing(index)
            else:
                self.checks.header(index, _decoded_text(sealed), self.tree.root())
        except (TamperedError, IncompleteError) as error:
            self.checks.findings.add(error, index)
        self.tree.append(leaf_hash(sealed))

    def finish(self) -> None:
        """Compare the root, and with the checks' own end say what is missing."""
        self.tree.finish()
        self._compare()
        size = self._checkpoint.size
        if self.tree.size < size:
            self.checks.findings.add(IncompleteError(f"{self.tree.size} of {size} entries are there"))
        elif self.tree.root() != self._checkpoint.root:
            self.checks.findings.add(TamperedError("the entries do not have the root that was signed"))
        self.checks.finish(self.tree.size)

    def _compare(self) -> None:
        for one in self._older.get(self.tree.size, {}).values():
            if self.tree.root() == one.root:
                self._holds = one.size
                continue
            message = f"the first {one.size} entries are not those that an older checkpoint has promised"
            before = f"; the first {self._holds} are" if self._holds else ""
            self.checks.findings.add(TamperedError(message + before))


def _unproven(index: int, found: bytes) -> None:
    raise IncompleteError("there is nothing that proves it")


def comparable(
    policy: Policy, checkpoint: Checkpoint, older: Iterable[Checkpoint], findings: Findings
) -> list[Checkpoint]:
    """Return the older checkpoints that a log must contain, and note what the others say against it.

    One of another epoch of the log says nothing about this one: the entry that has opened it does.
    """
    found = []
    for one in older:
        if _epoch(one.origin)[0] != _epoch(checkpoint.origin)[0]:
            raise UsageError(f"a checkpoint is of the log {one.origin!r}, and this is {checkpoint.origin!r}")
        try:
            _compare(policy, checkpoint, one)
            found.append(one)
        except (TamperedError, IncompleteError) as error:
            findings.add(error)
    return found


def _compare(policy: Policy, checkpoint: Checkpoint, one: Checkpoint) -> None:
    if one.origin != checkpoint.origin:
        raise IncompleteError(f"a checkpoint is of another epoch, {one.origin!r}, and this is {checkpoint.origin!r}")
    policy.check(one)
    if one.size > checkpoint.size:
        raise TamperedError(f"a checkpoint is of {one.size} entries, and the log has {checkpoint.size}: it was cut")


def _epoch(origin: str) -> tuple[str, str]:
    log, _, epoch = origin.rpartition("/e")
    return log, epoch


class Shown(NamedTuple):
    """Which part of which log a bundle shows, as it says itself: whoever has asked for another one can see it."""

    origin: str
    size: int
    scope: Mapping[str, Any]

    def __str__(self) -> str:
        match self.scope["kind"]:
            case "run":
                part = f"of run {self.scope['run']}"
            case "range":
                part = f"the entries from {self.scope['from']} up to {self.scope['to']}"
            case "record":
                flows = self.scope["correlations"]
                named = ", ".join(json.dumps(one)[1:-1][:36] for one in flows[:3])
                part = f"of a record, flow {named}" + (f" and {len(flows) - 3} more" if len(flows) > 3 else "")
            case _:
                part = "everything"
        return f"{part}, of the log {self.origin} at {self.size} entries"


class Verification:
    """All checks of one bundle. `run` makes them; then `findings` and `facts` say what came out."""

    def __init__(
        self,
        files: Files,
        policy: Policy,
        older: Sequence[Checkpoint],
        *,
        longest_transaction_us: int,
        ahead: Ahead | None = None,
    ) -> None:
        self.findings = Findings()
        self.facts: dict[str, int] = {"events": 0, "entries": 0, "payloads": 0, "checkpoints": 0, "dropped": 0}
        self.dropped: list[Dropped] = []
        self.shown: Shown | None = None
        self._files = files
        self._policy = policy
        self._older = list(older)
        self._longest_us = longest_transaction_us
        self._ahead = ahead
        self._events = read_events(files, ahead)
        self._event_id: int | None = None
        self._pushed: tuple[int, Event] | None = None
        self._within = 0

    def run(self) -> None:
        """Make all checks. Raises nothing that a bundle could cause."""
        try:
            self._run()
        except (TamperedError, IncompleteError) as error:
            self.findings.add(error)
        except RecursionError:
            self.findings.add(TamperedError("something in the bundle is nested too deep"))
        except _BROKEN as error:
            self.findings.add(TamperedError(f"the bundle cannot be read: {type(error).__name__}: {error!s:.200}"))

    def _run(self) -> None:
        manifest = self._manifest()
        self._scope = manifest["scope"]
        self._note = self._files.read("checkpoint", MAX_NOTE)
        self.checkpoint = parse_checkpoint(self._note)
        self._policy.check(self.checkpoint)
        if (manifest["origin"], manifest["size"]) != (self.checkpoint.origin, self.checkpoint.size):
            raise TamperedError("the manifest names another log or size than the checkpoint")
        self.shown = Shown(self.checkpoint.origin, self.checkpoint.size, self._scope)
        self._take_older()
        self._checks = Checks(self._scope, self._payloads(), longest_transaction_us=self._longest_us, prove=self._prove)
        self._checks.findings = self.findings
        if self._scope["kind"] == "whole":
            self._whole()
        else:
            self._part()
            self._checks.finish(self.checkpoint.size)
        self.facts["events"] = self._checks.events
        self.dropped = self._checks.dropped
        self.facts["dropped"] = sum(one.events for one in self.dropped)

    # What the bundle says that it is.

    def _manifest(self) -> dict[str, Any]:
        manifest = read_json(_decoded_text(self._files.read("manifest.json", MAX_MANIFEST)))
        if type(manifest) is not dict or manifest.keys() != {"bundle", "files", "origin", "scope", "size"}:
            raise TamperedError("manifest.json is no manifest")
        if manifest["bundle"] != 1:
            raise UsageError("the bundle is of a version that this verifier does not know")
        named, there = manifest["files"], self._files.sizes.keys() - {"manifest.json"}
        if type(named) is not dict or not _is_scope(manifest["scope"]):
            raise TamperedError("manifest.json is no manifest")
        for name in sorted(there - named.keys()):
            self.findings.add(TamperedError(f"{name} is in the bundle, and not in its manifest"))
        for name in sorted(named.keys() - there):
            self.findings.add(IncompleteError(f"{name} is in the manifest, and not in the bundle"))
        for name in sorted(named.keys() & there):
            if named[name] != {"bytes": self._files.sizes[name], "sha256": self._files.hash(name)}:
                self.findings.add(TamperedError(f"{name} is not the file that the manifest names"))
        return manifest

    def _take_older(self) -> None:
        """Take older checkpoints, the auditor's and the bundle's own."""
        for name in self._files.named("checkpoints/"):
            self._older.append(one := parse_checkpoint(self._files.read(name, MAX_NOTE)))
            if one.origin != self.checkpoint.origin:
                raise TamperedError(f"{name} is of another log than the bundle")
        self.facts["checkpoints"] = len(self._older)
        self._older = comparable(self._policy, self.checkpoint, self._older, self.findings)

    def _payloads(self) -> dict[bytes, None]:
        """Return the commitments whose content is here, each of them recomputed."""
        kept: dict[bytes, None] = {}
        for name, stretch in read_contents(self._files, self._ahead):
            for promise in stretch:
                if isinstance(promise, str):
                    self.findings.add(TamperedError(f"{name}: a content {promise}"), follows=True)
                elif promise in kept:
                    self.findings.add(TamperedError(f"{name}: a content is there twice"), follows=True)
                else:
                    kept[promise] = None
        self.facts["payloads"] = len(kept)
        return kept

    # The whole log: every entry is hashed again.

    def _whole(self) -> None:
        log = WholeLog(self._checks, self.checkpoint, self._older, self._check_tile)
        for index, sealed in enumerate(self._entries()):
            event = None
            if sealed.startswith(EVENT):
                try:
                    event = self._event_at(index)
                except TamperedError as error:
                    self.findings.add(error, index)
            log.add(sealed, event)
        log.finish()
        self.facts["entries"] = log.tree.size
        if self._next_event() is not None:
            self.findings.add(TamperedError("there are events that were never sealed"), None, self._event_id)

    def _event_at(self, index: int) -> Event | None:
        """Return the event of an index, if it comes next."""
        found = self._next_event()
        while found is not None and found[0] < index:
            message = f"a second event says that it has the index {found[0]}, or it comes where it should not"
            self.findings.add(TamperedError(message), index, self._event_id)
            found = self._next_event()
        if found is None or found[0] > index:
            self._event_id, self._pushed = None, found
            return None
        return found[1]

    def _entries(self) -> Iterator[bytes]:
        for number in range((self.checkpoint.size + TILE - 1) // TILE):
            width = min(TILE, self.checkpoint.size - number * TILE)
            name = entries_path(number, width)
            content = self._files.read(name, width * 65_537)
            at = 0
            for _ in range(width):
                length = int.from_bytes(content[at : at + 2], "big")
                if at + 2 + length > len(content):
                    raise TamperedError(f"{name} ends within an entry")
                yield content[at + 2 : at + 2 + length]
                at += 2 + length
            if at != len(content):
                raise TamperedError(f"{name} goes on after its last entry")

    def _check_tile(self, level: int, number: int, hashes: Sequence[bytes]) -> None:
        name = tile_path(level, number, len(hashes))
        if name not in self._files.sizes:
            return  # the manifest has said so
        content = self._files.read(name, 32 * TILE)
        if content != b"".join(hashes):
            differing = [at for at, one in enumerate(hashes) if content[32 * at : 32 * at + 32] != one]
            index = number * TILE + differing[0] if level == 0 and differing else None
            self.findings.add(TamperedError(f"{name} does not hold the hashes of the entries"), index)

    # A part of the log: every entry is proven to be in it.

    def _part(self) -> None:
        size = self.checkpoint.size
        self._tiles = Tiles(size, lambda name: self._files.read(name, 32 * TILE) if name in self._files.sizes else None)
        if self._files.named("tile/") and self._tiles.root(size) != self.checkpoint.root:
            raise TamperedError("the tiles do not have the root that was signed")
        for one in self._older:
            try:
                self._check_older(one)
            except (TamperedError, IncompleteError) as error:
                self.findings.add(error)
        last = -1
        for index, sealed in self._parts():
            try:
                if index <= last:
                    raise TamperedError(f"it comes after the entry of index {last}")
                last = index
                if type(sealed) is str:
                    self._event_id = None
                    if sealed.encode().startswith(EVENT):
                        self._checks.missing(index)
                    else:
                        self._checks.header(index, sealed, None)
                    self._prove(index, sealed.encode())
                elif type(sealed) is Event:
                    self._checks.event(index, sealed, None)
                self.facts["entries"] += 1
                self._within += self._scope["kind"] == "range" and self._scope["from"] <= index < self._scope["to"]
            except (TamperedError, IncompleteError) as error:
                self.findings.add(error, index, self._event_id)
        if self._scope["kind"] == "range" and self._within < self._scope["to"] - self._scope["from"]:
            lacking = self._scope["to"] - self._scope["from"] - self._within
            self.findings.add(IncompleteError(f"{lacking} entries of the range are not there"))

    def _parts(self) -> Iterator[tuple[int, str | Event]]:
        """Give headers and events by their index."""
        headers = self._headers()
        header = next(headers, None)
        while True:
            try:
                found = self._next_event()
            except TamperedError as error:
                self.findings.add(error)
                continue
            while header is not None and (found is None or header[0] < found[0]):
                yield header
                header = next(headers, None)
            if found is None:
                return
            self._event_id = found[1].event_id
            yield found

    def _headers(self) -> Iterator[tuple[int, str]]:
        for name in self._files.named("entries/"):
            for line in self._files.lines(name):
                value = read_json(text := _decoded_text(line))
                if type(value) is not dict or type(value.get("n")) is not int or value.get("k") not in (0, 1, 2):
                    raise TamperedError(f"{name} has a line that is no entry")
                yield value["n"], text

    def _prove(self, index: int, sealed: bytes) -> None:
        """Raise unless the entry is in the tree: by its proof, or by the tiles that lead from it to the root."""
        if not 0 <= index < self.checkpoint.size:
            raise TamperedError(f"the log has {self.checkpoint.size} entries")
        name = f"proofs/{index}.tlog-proof"
        if name not in self._files.sizes:
            if self._tiles.leaf(index) != leaf_hash(sealed):
                raise TamperedError("it is not what was sealed at this index")
            return
        text, _, note = self._files.read(name, MAX_NOTE).partition(b"\n\n")
        lines = _decoded_text(text).split("\n")
        if lines[:2] != ["c2sp.org/tlog-proof@v1", f"index {index}"] or note != self._note:
            raise TamperedError(f"{name} is no proof of this index and checkpoint")
        if not is_included(leaf_hash(sealed), index, self.checkpoint.size, _hashes(lines[2:]), self.checkpoint.root):
            raise TamperedError("it is not what was sealed at this index")

    def _check_older(self, older: Checkpoint) -> None:
        """Raise unless the log begins with what an older checkpoint has promised."""
        name = f"consistency/{older.size}"
        message = f"the first {older.size} entries are not those that an older checkpoint has promised"
        if name in self._files.sizes:
            text, _, note = self._files.read(name, MAX_NOTE).partition(b"\n\n")
            lines = _decoded_text(text).split("\n")
            if lines[0] != f"old {older.size}" or note != self._note:
                raise TamperedError(f"{name} is no proof for this size and checkpoint")
            new, proof = self.checkpoint, _hashes(lines[1:])
            if not is_consistent(older.size, new.size, proof, older.root, new.root):
                raise TamperedError(message)
        elif older.size == self.checkpoint.size:
            if older.root != self.checkpoint.root:
                raise TamperedError(message)
        elif self._tiles.root(older.size) != older.root:
            raise TamperedError(message)

    # One entry.

    def _next_event(self) -> tuple[int, Event] | None:
        found, self._pushed = self._pushed, None
        if found is None:
            read = next(self._events, None)
            if read is None:
                return None
            if isinstance(read, TamperedError):
                raise read
            found = read
        self._event_id = found[1].event_id
        return found


def _is_scope(scope: Any) -> bool:
    """Say whether a manifest says in a known way which part of the log a bundle shows."""
    if type(scope) is not dict:
        return False
    numbers = [value for name, value in scope.items() if name in ("from", "to", "run")]
    if not all(type(one) is int and one >= 0 for one in numbers):
        return False
    match scope.get("kind"):
        case "whole":
            return len(scope) == 1
        case "run":
            return scope.keys() == {"kind", "run"}
        case "range":
            return scope.keys() == {"kind", "from", "to"} and scope["from"] < scope["to"]
        case "record":
            flows = scope.get("correlations")
            return len(scope) == 2 and type(flows) is list and all(type(one) is str for one in flows)
    return False


_TEXT_PAYLOAD = re.compile(rf'\{{"c":"([0-9a-f]{{64}})","nonce":"([0-9a-f]{{64}})","text":{_TEXT}\}}')


def _payload(line: str) -> bytes:
    """Return the commitment of a payload's line, recomputed from its nonce and content."""
    if simple := _TEXT_PAYLOAD.fullmatch(line):  # almost all of them
        promise, nonce, text = simple.groups()
        digest = hashlib.sha256(bytes.fromhex(nonce) + _unescaped(text).encode()).digest()
        if digest.hex() == promise:
            return digest
    value = read_json(line)
    if type(value) is not dict or value.keys() not in ({"c", "nonce", "text"}, {"base64", "c", "nonce"}):
        raise TamperedError("is none")
    if not all(type(one) is str for one in value.values()) or not _is_hash(value["nonce"]):
        raise TamperedError("is none")
    content = value["text"].encode() if "text" in value else _base64(value["base64"])
    found = hashlib.sha256(bytes.fromhex(value["nonce"]) + content)
    if found.hexdigest() != value["c"]:
        raise TamperedError(f"is not what was promised: {value['c']:.64}")
    return found.digest()


def _hashes(lines: Sequence[str]) -> list[bytes]:
    if len(lines) > 63:
        raise TamperedError("a proof is longer than any")
    found = [_base64(line) for line in lines]
    if any(len(one) != 32 for one in found):
        raise TamperedError("a proof holds something else than hashes")
    return found


_MEMBERS = {
    "b": "what it says",
    "i": "its id",
    "p": "what it commits to",
    "r": "when it was recorded",
    "u": "the database user",
}


def _difference(found: bytes, sealed: bytes) -> str:
    """Say in which of its members an event differs from what was sealed."""
    try:
        here, there = _read(found.decode()), _read(sealed.decode())
        names = [said for name, said in _MEMBERS.items() if here.get(name) != there.get(name)]
    except (ValueError, AttributeError, RecursionError):
        names = []
    return (" and ".join(names) + (" differ" if len(names) > 1 else " differs")) if names else "its entry differs"


# ─── The command ─────────────────────────────────────────────────────────────────────────────────────────────────────


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(
        prog="wave-verify", description="Verify a bundle of sealed events.", epilog=__doc__.split("\n\n")[3]
    )
    parser.add_argument("bundle", type=Path, help="a folder or a zip file that `wave audit export` has written")
    parser.add_argument("--policy", type=Path, help="the logs and keys that you trust; not the bundle's own file")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        action="append",
        default=[],
        help="an older checkpoint that you have kept; again for more",
    )
    parser.add_argument(
        "--longest-transaction",
        type=int,
        default=3600,
        metavar="SECONDS",
        help="how long after an event its transaction may end",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args(given)


def _own_file(path: Path) -> bytes:
    """Return the auditor's own file."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_NOTE)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None


def verify(arguments: argparse.Namespace, *, may_fork: bool) -> tuple[Verification, bool]:
    """Return the verification of a bundle, and whether its own keys were all there was to trust."""
    try:
        files = Files(arguments.bundle)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise TamperedError(f"the bundle cannot be read: {error!s:.200}") from None
    is_own = arguments.policy is None
    text = files.read("policy", MAX_NOTE) if is_own else _own_file(arguments.policy)
    older = []
    try:
        policy = Policy(text.decode())
    except (UnicodeDecodeError, UsageError) as error:
        raise (TamperedError if is_own else UsageError)(f"the policy cannot be read: {error}") from None
    for path in arguments.checkpoint:
        try:
            older.append(parse_checkpoint(_own_file(path)))
        except TamperedError as error:
            raise UsageError(f"{path}: {error}") from None
    large = sum(files.sizes[name] for name in files.named("events/")) >= WORTH_IT
    verification = Verification(
        files,
        policy,
        older,
        longest_transaction_us=arguments.longest_transaction * 1_000_000,
        ahead=Ahead(files) if may_fork and large and has_second_core() else None,
    )
    verification.run()
    return verification, is_own


WARNING = """\
WARNING: no --policy was given, so that the log's own key was believed. Whoever has written this can have written the
key too. Have the policy from somewhere else, and verify again with --policy FILE."""

RESULTS = {OK: "ok", TAMPERED: "tampered", INCOMPLETE: "incomplete", USAGE: "usage"}


_FACTS = {"events": "events", "payloads": "contents", "checkpoints": "older checkpoints"}


def report(
    findings: Findings,
    facts: Mapping[str, int],
    dropped: Sequence[Dropped],
    *,
    is_own: bool,
    as_json: bool,
    out: TextIO,
    shown: Shown | None = None,
) -> int:
    """Say what was found, and return what the program ends with. `shown`: the part of the log that a bundle holds."""
    code, listed = findings.code(), findings.sorted()
    if as_json:
        told = {
            "result": RESULTS[code],
            "policy": "its own" if is_own else "given",
            "facts": dict(facts),
            "count": findings.count,
            "findings": [{**one._asdict(), "why": one.why} for one in listed[:100]],
            "dropped": [one._asdict() for one in dropped],
            "shown": None if shown is None else shown._asdict(),
        }
        out.write(canonical(told) + "\n")
        return code
    if is_own:
        out.write(f"{WARNING}\n")
    if listed:
        out.write(f"{RESULTS[code].upper()}: {listed[0]}\n")
        out.writelines(f"  also {one}\n" for one in listed[1:10])
        if findings.count > 10:
            out.write(f"  and {findings.count - 10} more\n")
    else:
        said = [f"{facts[name]} {what}" for name, what in _FACTS.items()]
        out.write(f"OK: {', '.join(said)}{'' if shown is None else f'; {shown}'}\n")
    out.writelines(f"{one}\n" for one in dropped)
    return code


def main(given: Sequence[str] | None = None) -> int:
    """Verify what the command line names, and return what the program ends with."""
    out = sys.stdout
    is_command = given is None
    if is_command:
        gc.disable()  # what is made here holds no circles; a million small things would be looked through in vain
    try:
        arguments = _arguments(given)
        if arguments.longest_transaction < 0:
            raise UsageError("--longest-transaction is a number of seconds from 0")
        verification, is_own = verify(arguments, may_fork=is_command)
        found, facts, dropped = verification.findings, verification.facts, verification.dropped
        shown = verification.shown
        return report(found, facts, dropped, is_own=is_own, as_json=arguments.json, out=out, shown=shown)
    except UsageError as error:
        sys.stderr.write(f"wave-verify: {error}\n")
        return USAGE
    except TamperedError as error:
        out.write(f"TAMPERED: {error}\n")
        return TAMPERED
    except IncompleteError as error:
        out.write(f"INCOMPLETE: {error}\n")
        return INCOMPLETE


if __name__ == "__main__":
    sys.exit(main())
