"""Asking the two verifiers about bundles, and changing bundles so that both must object."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import random
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support import bundles

from wave_runner.audit import wave_verify

NODE = shutil.which("node")
NODE_VERIFIER = Path(__file__).parent.parent / "node/verify.mjs"
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed: the second verifier needs it")


# Bundles that differ in one byte have mostly the same signatures, and only they are slow to check.
wave_verify.is_signed = functools.cache(wave_verify.is_signed)


@dataclass(frozen=True)
class Answer:
    """What a verifier says: its code, and where and why something does not hold first."""

    code: int
    index: int | None = None
    why: str = ""
    facts: Any = None


def ask(bundle: Path, *arguments: str, policy: str | None = None) -> Answer:
    """Ask the verifier that ships. `policy` is the text of the auditor's; without it that of the log's own key."""
    given = bundle.parent / f"{bundle.name}.policy"
    given.write_text(policy or bundles.policy())
    code, said = told(str(bundle), "--policy", str(given), "--json", *arguments)
    if not said.startswith("{"):
        return Answer(code, why=said)
    answer = json.loads(said)
    first = answer["findings"][0] if answer["findings"] else {"log_index": None, "why": ""}
    return Answer(code, first["log_index"], first["why"], answer["facts"])


def told(*arguments: str) -> tuple[int, str]:
    """Run the verifier's command in this process; return what it ends with and all that it prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = wave_verify.main(arguments)
    return code, out.getvalue()


def ask_node(folder: Path, found: Sequence[Path], policy: str | None = None) -> list[Answer]:
    """Ask the second verifier about many bundles at once."""
    assert NODE is not None
    given = folder / "node.policy"
    given.write_text(policy or bundles.policy())
    run = subprocess.run([NODE, NODE_VERIFIER, given, *found], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    firsts = [one["findings"][0] if one["findings"] else {"log_index": None, "why": ""} for one in answers]
    return [Answer(one["code"], first["log_index"], first["why"]) for one, first in zip(answers, firsts, strict=True)]


# ─── one byte of each class ──────────────────────────────────────────────────────────────────────────────────────────

TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|-?[0-9]+|[{}\[\]:,]|[^"\[\]{}:,]+', re.DOTALL)


def classes(name: str, content: bytes) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """Give every token of a file: to which class its bytes belong, and where it begins and ends.

    A class is the kind of file, the key that the token belongs to, and whether it is a key, a value or punctuation.
    """
    kind = re.sub(r"[0-9]+|x[0-9]{3}/", "N", name)
    key = ""
    for found in TOKEN.finditer(content):
        text = found[0]
        is_key = text.startswith(b'"') and content[found.end() : found.end() + 1] == b":"
        if is_key:
            key = text.decode(errors="replace")
        shape = "key" if is_key else text.decode() if text in b"{}[]:," else "text" if text[:1] == b'"' else "other"
        yield (kind, key, shape), found.start(), found.end()


def flips(files: dict[str, bytes], seed: int) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Give a bundle's files with one byte changed, once for each class of bytes that they have."""
    chosen = random.Random(seed)
    places: dict[tuple[str, ...], list[tuple[str, int, int]]] = {}
    for name, content in files.items():
        for class_, start, end in classes(name, content):
            places.setdefault(class_, []).append((name, start, end))
    for class_, found in places.items():
        name, start, end = chosen.choice(found)
        at = chosen.randrange(start, end)
        content = bytearray(files[name])
        content[at] ^= chosen.choice([1, 2, 4, 8, 16, 32, 64, 128])
        yield f"{' '.join(class_)} at {at} of {name}", {**files, name: bytes(content)}
