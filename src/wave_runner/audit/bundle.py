"""Writes a bundle: the files that `docs/reference/bundle.md` describes, the verifier among them, and their manifest."""

from __future__ import annotations

import base64
import hashlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from wave_runner.audit import wave_verify
from wave_runner.core import tiles
from wave_runner.core.canonical import canonical
from wave_runner.errors import ConflictError

LINES = 50_000  # in one file


class BundleWriter:
    """Writes one bundle into a folder that is not there yet; it is there once all of it is.

    Events and entries are given in the order of the log.
    """

    def __init__(self, folder: Path) -> None:
        if folder.exists():
            raise ConflictError(f"{folder} is there already", hint="name a folder that is not: --out DIR")
        self._target = folder
        self._folder = folder.with_name(f"{folder.name}.partial")
        self._files: dict[str, dict[str, Any]] = {}
        self._open: dict[str, _Lines] = {}
        self._stretch: list[bytes] = []
        self._stretches = 0

    def __enter__(self) -> BundleWriter:
        try:
            self._folder.mkdir(parents=True)
        except FileExistsError:
            raise ConflictError(
                f"{self._folder} is in the way", hint="what was left of another export: remove it"
            ) from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for one in self._open.values():
            one.close()
        if error is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def put(self, name: str, content: bytes) -> None:
        """Write one file."""
        place = self._folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        self._files[name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}

    def event(self, line: bytes) -> None:
        """Add the line of an event."""
        self._line("events", line)

    def entry(self, entry: bytes) -> None:
        """Add an entry about the log itself, or one whose event is gone, in a bundle of a part of it."""
        self._line("entries", entry + b"\n")

    def content(self, nonce: bytes, content: bytes) -> None:
        """Add what an event commits to."""
        said = {"c": hashlib.sha256(nonce + content).hexdigest(), "nonce": nonce.hex()}
        try:
            said["text"] = content.decode()
            line = canonical(said)
        except ValueError:  # bytes that are no text, or a text with what JSON cannot carry
            said.pop("text", None)
            line = canonical({**said, "base64": base64.b64encode(content).decode()})
        self._line("payloads", line + b"\n")

    def sealed(self, entry: bytes) -> None:
        """Add the next entry of a whole log."""
        self._stretch.append(entry)
        if len(self._stretch) == tiles.WIDTH:
            self._put_entries()

    def finish(self, *, origin: str, size: int, note: str, policy: str, scope: Mapping[str, Any]) -> None:
        """Write what is left, and give the bundle its name."""
        if self._stretch:
            self._put_entries()
        self.put("checkpoint", note.encode())
        self.put("policy", policy.encode())
        self.put("wave_verify.py", Path(wave_verify.__file__).read_bytes())
        for one in self._open.values():
            one.close()
            self._files |= one.files
        said = {"bundle": 1, "files": self._files, "origin": origin, "scope": dict(scope), "size": size}
        (self._folder / "manifest.json").write_bytes(canonical(said))
        self._folder.rename(self._target)

    def _put_entries(self) -> None:
        content = b"".join(len(one).to_bytes(2, "big") + one for one in self._stretch)
        self.put(tiles.entries_path(self._stretches, len(self._stretch)), content)
        self._stretches += 1
        self._stretch.clear()

    def _line(self, folder: str, line: bytes) -> None:
        self._open.setdefault(folder, _Lines(self._folder, folder)).add(line)


class _Lines:
    """Lines in files of so many each, which are hashed as they are written."""

    def __init__(self, root: Path, folder: str) -> None:
        self.files: dict[str, dict[str, Any]] = {}
        self._root, self._folder = root, folder
        self._file: BinaryIO | None = None
        self._name, self._count = "", 0

    def add(self, line: bytes) -> None:
        if self._count % LINES == 0:
            self._next()
        assert self._file is not None
        self._count += 1
        self._file.write(line)
        self._hash.update(line)

    def close(self) -> None:
        if self._file is not None:
            size = self._file.tell()
            self._file.close()
            self._file = None
            self.files[self._name] = {"bytes": size, "sha256": self._hash.hexdigest()}

    def _next(self) -> None:
        self.close()
        self._name = f"{self._folder}/{self._count // LINES:06}.jsonl"
        self._hash = hashlib.sha256()
        (self._root / self._folder).mkdir(exist_ok=True)
        self._file = (self._root / self._name).open("wb")


def proof_file(index: int, hashes: Sequence[bytes], note: str) -> bytes:
    """Return an inclusion proof as C2SP's tlog-proof has it."""
    return _with_note(["c2sp.org/tlog-proof@v1", f"index {index}"], hashes, note)


def consistency_file(old: int, hashes: Sequence[bytes], note: str) -> bytes:
    """Return a consistency proof as witnesses are given it."""
    return _with_note([f"old {old}"], hashes, note)


def _with_note(lines: Sequence[str], hashes: Sequence[bytes], note: str) -> bytes:
    encoded = [base64.b64encode(one).decode() for one in hashes]
    return "\n".join([*lines, *encoded]).encode() + b"\n\n" + note.encode()
