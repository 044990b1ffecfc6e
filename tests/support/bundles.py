"""Random histories, sealed and written as bundles, by nothing of the product: what its verifier is held against.

It goes its own ways: trees are computed by the recursive definition of RFC 6962, signatures made by `cryptography`,
bodies written by `json`. `history(seed)` gives events that could have happened; who wants others changes them first.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ORIGIN = "example.org/wave-runner/e1"
START_US = 1_790_000_000_000_000
Entries = list[bytes]


def dumped(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def hashed(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


# ─── a history ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class History:
    """Events in the order in which they are sealed, as columns, and the contents behind their commitments."""

    events: list[dict[str, Any]] = field(default_factory=list)
    payloads: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)  # what is promised of values that were written, and the flow


class Writer:
    """Lets things happen at random. What it writes is legal: each interaction goes its way, and has a cause."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.history = History()
        self._now = START_US
        self._next = {"event": 1, "interaction": 1, "wave": 1}
        self._open: list[dict[str, Any]] = []
        self._written: list[str] = []

    def _number(self, kind: str) -> int:
        self._next[kind] += self.random.choice([1, 1, 1, 2, 40])
        return self._next[kind]

    def uuid(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def promise(self, content: bytes | None = None) -> str:
        """Keep a content, and return its commitment."""
        words = ["", "plain", 'café — "q"\n', "日本語 \\ \t", "x" * 300, "\u2028 \U0001f600"]
        if content is None:
            content = self.random.choice([self.random.choice(words).encode(), self.random.randbytes(40)])
        nonce = self.random.randbytes(32)
        found = hashed(nonce + content).hex()
        self.history.payloads[found] = (nonce, content)
        return found

    def event(self, type_: str, data: dict[str, Any], **columns: Any) -> dict[str, Any]:
        self._now += self.random.choice([1, 17, 900, 40_000, 3_000_000])
        event = {"event_id": self._number("event"), "type": type_, "run": 0, "data": data}
        event |= {"recorded_us": self._now, "db_user": self.random.choice(["runner", "büro"])}
        event |= {name: value for name, value in columns.items() if value is not None}
        self.history.events.append(event)
        return event

    def begin_run(self, run: int) -> None:
        self.event("run_started", {"steps": 5, "limited": False}, run=run)
        wave = self._number("wave")
        self.event("wave_opened", {"why": "drain", "size": 10}, wave=wave, runner=self.uuid())
        root = self._new(run, None, self.uuid(), "fetch")
        self._go(root, wave)
        for _ in range(self.random.randint(1, 3)):
            self._open.append(self._new(run, (root["id"], root["seq"]), self.uuid(), "summarise — α"))
        while self._open:
            chosen = self._open.pop(self.random.randrange(len(self._open)))
            self._go(chosen, wave)
            if chosen["done"] and self.random.random() < 0.6 and chosen["depth"] < 3:
                child = self._new(
                    run, (chosen["id"], chosen["seq"]), chosen["flow"], self.random.choice(["save", "score"])
                )
                self._open.append({**child, "depth": chosen["depth"] + 1})
        for first in range(0, len(self._written), 3):  # of several flows at once
            promised = [{"c": one} for one in self._written[first : first + 3]]
            self.event("values_written", {"payloads": promised}, run=run, wave=wave, runner=self.uuid())
        self._written.clear()
        self.event("wave_closed", {"size": 10, "done": 9}, wave=wave)
        self.event("run_completed", {"completed": 2, "incomplete": 0}, run=run)

    def _new(self, run: int, parent: tuple[int, int] | None, flow: str, step: str) -> dict[str, Any]:
        made = {"id": self._number("interaction"), "run": run, "seq": 0, "parent": parent, "flow": flow, "step": step}
        return {**made, "done": False, "depth": 0, "attempt": 0}

    def _say(self, one: dict[str, Any], type_: str, data: dict[str, Any], wave: int | None = None) -> None:
        cause = (one["id"], one["seq"]) if one["seq"] else one["parent"]
        one["seq"] += 1
        self.event(
            type_, data, run=one["run"], interaction=one["id"], seq=one["seq"], cause=cause, correlation=one["flow"],
            step=one["step"], actor=self.random.choice(["writer", "judge"]), wave=wave,
            definition=hashed(one["step"].encode()).hex(), runner=self.uuid() if wave else None,
        )  # fmt: skip

    def _go(self, one: dict[str, Any], wave: int) -> None:
        """Bring one interaction to an end, by one of the ways that there are."""
        root = one["parent"] is None
        if not root and self.random.random() < 0.1:
            return self._say(one, "interaction_skipped", {"why": "not_taken"}, wave)
        if not root and self.random.random() < 0.1:
            self._say(one, "interaction_unblocked", {"arrived": 2})
        while not one["done"]:
            one["attempt"] += 1
            self._say(one, "interaction_started", {"attempt": one["attempt"], "input": self.promise()}, wave)
            self._end_attempt(
                one, wave, self.random.choice(["complete", "complete", "retry", "lost", "fail", "ask", "stop"]), root
            )
            if one["attempt"] > 4 or (not one["done"] and not root and one.get("ended")):
                return None
        return None

    def _answer(self) -> list[dict[str, str]]:
        return [{"c": self.promise(), "role": "answer"}]

    def _end_attempt(self, one: dict[str, Any], wave: int, way: str, root: bool) -> None:
        if root or way == "complete" or one["attempt"] > 3:
            self._complete(one, wave)
        elif way == "retry":
            self._say(
                one, "interaction_retry_scheduled", {"delay_us": 5, "charged": True, "payloads": self._answer()}, wave
            )
        elif way == "lost":
            self._say(one, "interaction_lease_expired", {"crashed": True, "charged": False})
        elif way == "fail":
            self._say(one, "interaction_failed", {"error_class": "timeout", "payloads": self._answer()}, wave)
            if self.random.random() < 0.5:
                self._say(one, "interaction_retried", {"by": "ada@example.org"})
            else:
                one["ended"] = True
        elif way == "ask":
            self._say(one, "interaction_waiting", {"needs": 1, "queue": "people"}, wave)
            self._say(one, "task_claimed", {"person": "ada", "round": 1, "lease_us": 5})
            self._say(one, "task_decided", {"person": "ada", "round": 1, "payloads": self._answer()})
            self._complete(one, wave)
        else:
            self._say(one, "interaction_cancelled", {"by": "ada@example.org"})
            one["ended"] = True

    def _complete(self, one: dict[str, Any], wave: int) -> None:
        one["done"] = True
        data = {
            "service_us": self.random.randrange(10**9),
            "output": self.promise(),
            "to": ["save"],
            "values": {"x": "0.5"},
        }
        if self.random.random() < 0.5:
            data["payloads"] = [{"c": self.promise(), "role": role} for role in ("request", "answer")]
        self._say(one, "interaction_completed", data, wave)
        if one["parent"] is None:
            return self._say(one, "interaction_fanned_out", {"made": 3, "left_out": 0})
        if self.random.random() < 0.5:
            self._written.append(self.promise(b'{"column":"words","table":"items"}'))
            self.history.written[self._written[-1]] = one["flow"]
        if self.random.random() < 0.2:
            self._say(one, "interaction_superseded", {"rerun": 1})
            self._say(one, "interaction_restored", {"rerun": 1})
        return None

    def erase(self, share: float) -> None:
        """Erase some contents, as the product would: the content goes, and a sealed event names it."""
        gone = [one for one in self.history.payloads if self.random.random() < share]
        for one in gone:
            del self.history.payloads[one]
        who = {"requested_by": "ada", "approved_by": "grace", "basis": "Art. 17"}
        for first in range(0, len(gone), 200):
            self.event("payload_erased", {"commitments": gone[first : first + 200], **who})


def history(seed: int) -> History:
    """Return a random history of one to three runs. That of each seed is always the same."""
    writer = Writer(seed)
    writer.event("actor_registered", {"by": "ada@example.org", "first_use": True}, actor="writer")
    for run in range(1, writer.random.randint(2, 4)):
        writer.begin_run(run)
    if seed % 3:
        writer.erase(0.2)
    writer.event("actor_approved", {"by": "grace", "by_hash": False, "dev": False}, actor="judge")
    return writer.history


# ─── sealing it ──────────────────────────────────────────────────────────────────────────────────────────────────────


def body_of(event: dict[str, Any]) -> dict[str, Any]:
    stamped = ("dbuser", "sequence", "time")
    return {name: value for name, value in attributes_of(event, 0).items() if name not in stamped}


def promised(data: dict[str, Any]) -> list[str]:
    single = [data[name] for name in ("input", "output") if name in data]
    return single + [one["c"] for one in data.get("payloads", [])]


def seal_event(event: dict[str, Any], index: int) -> bytes:
    hashed_body = hashed(dumped(body_of(event)).encode()).hex()
    sealed = {
        "k": 0,
        "n": index,
        "b": hashed_body,
        "i": event["event_id"],
        "r": event["recorded_us"],
        "u": event["db_user"],
    }
    return dumped({**sealed, "p": promised(event["data"])}).encode()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root by the definition of RFC 6962, section 2.1."""
    if len(leaves) == 0:
        return hashed(b"")
    if len(leaves) == 1:
        return leaves[0]
    half = split(len(leaves))
    return hashed(b"\1" + root_of(leaves[:half]) + root_of(leaves[half:]))


def split(count: int) -> int:
    return 1 << ((count - 1).bit_length() - 1)


def inclusion(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    half = split(len(leaves))
    if index < half:
        return [*inclusion(index, leaves[:half]), root_of(leaves[half:])]
    return [*inclusion(index - half, leaves[half:]), root_of(leaves[:half])]


def consistency(old: int, leaves: Sequence[bytes], whole: bool = True) -> list[bytes]:
    if old == len(leaves):
        return [] if whole else [root_of(leaves)]
    half = split(len(leaves))
    if old <= half:
        return [*consistency(old, leaves[:half], whole), root_of(leaves[half:])]
    return [*consistency(old - half, leaves[half:], False), root_of(leaves[:half])]


@dataclass
class Log:
    """A sealed history: its entries, at which index each event stands, and where batches end."""

    history: History
    entries: Entries = field(default_factory=list)
    index_of: dict[int, int] = field(default_factory=dict)  # by the event's place in the history
    headers: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    @property
    def leaves(self) -> list[bytes]:
        return [hashed(b"\0" + one) for one in self.entries]


def seal(history: History, seed: int, *, size: int = 12, clock: Sequence[int] | None = None) -> Log:
    """Seal a history in random batches of up to `size`, with a header before each.

    `clock` has the times at which the events really came; by default those that they bear.
    """
    clock = clock or [one["recorded_us"] for one in history.events]
    chosen = random.Random(seed)
    log, at, events = Log(history), 0, history.events
    leaves: list[bytes] = []
    while at < len(events):
        count = min(chosen.randint(1, size), len(events) - at)
        if chosen.random() < 0.1:
            now = max(clock[: at + 1])
            _append(log, leaves, dumped({"at": now, "k": 2, "n": len(leaves), "t": "key_rotated"}).encode())
        n, now = len(leaves), max(clock[: at + count]) + 250_000
        header = {
            "at": now,
            "count": count,
            "k": 1,
            "n": n,
            "prev_root": root_of(leaves).hex(),
            "prev_size": n,
            "snap": "7:9:8",
        }
        log.headers.append(n)
        _append(log, leaves, dumped(header).encode())
        for place in range(at, at + count):
            log.index_of[place] = len(leaves)
            _append(log, leaves, seal_event(events[place], len(leaves)))
        log.sizes.append(len(leaves))
        at += count
    return log


def _append(log: Log, leaves: list[bytes], entry: bytes) -> None:
    log.entries.append(entry)
    leaves.append(hashed(b"\0" + entry))


# ─── signing it ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Signer:
    """A key by its name. `kind` is 1 for the key of a log and 4 for that of a witness."""

    name: str
    seed: bytes
    kind: int = 1

    @property
    def private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    @property
    def public(self) -> bytes:
        return bytes([self.kind]) + self.private.public_key().public_bytes_raw()

    @property
    def id(self) -> bytes:
        return hashed(self.name.encode() + b"\n" + self.public)[:4]

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(self.public).decode()}"

    def line(self, text: bytes, time_s: int = 0) -> str:
        """Return the line of this signature; with a time that of a witness."""
        if self.kind == 4:
            signed = f"cosignature/v1\ntime {time_s}\n".encode() + text
            blob = self.id + time_s.to_bytes(8, "big") + self.private.sign(signed)
        else:
            blob = self.id + self.private.sign(text)
        return f"— {self.name} {base64.b64encode(blob).decode()}\n"


LOG_KEY = Signer(ORIGIN, bytes(range(32)))
OTHER_KEY = Signer(ORIGIN, bytes(range(1, 33)))
WITNESS = Signer("example.org/notary", bytes(range(32, 64)), 4)


def checkpoint(leaves: Sequence[bytes], *signers: Signer, origin: str = ORIGIN) -> bytes:
    text = f"{origin}\n{len(leaves)}\n{base64.b64encode(root_of(leaves)).decode()}\n".encode()
    lines = "".join(one.line(text, 1_800_000_000) for one in signers or [LOG_KEY])
    return text + b"\n" + lines.encode()


def resign(note: str, signer: Signer) -> str:
    """Return a checkpoint with the signature of somebody else in the place of its own."""
    text = note.rpartition("\n\n")[0] + "\n"
    return text + "\n" + signer.line(text.encode())


def policy(*keys: Signer, quorum: str = "none") -> str:
    lines = [f"log {one.vkey}" if one.kind == 1 else f"witness notary {one.vkey}" for one in keys or [LOG_KEY]]
    return "\n".join([*lines, f"quorum {quorum}"]) + "\n"


# ─── writing it ──────────────────────────────────────────────────────────────────────────────────────────────────────


def attributes_of(event: dict[str, Any], index: int) -> dict[str, Any]:
    """Return an event in the form of CloudEvents 1.0."""
    days, rest = divmod(event["recorded_us"], 86_400_000_000)
    year, month, day = _date(days)
    seconds, us = divmod(rest, 1_000_000)
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{us:06d}"
    dotted = event["type"].replace("_", ".", 1)
    found = {"specversion": "1.0", "id": str(event["event_id"]), "source": SOURCE, "type": dotted}
    found |= {"time": f"{year:04d}-{month:02d}-{day:02d}T{clock}Z", "dataschema": f"wave:{dotted}/1"}
    found |= {"sequence": f"{index:020d}", "dbuser": event["db_user"], "run": str(event["run"]), "data": event["data"]}
    found |= {there: event[here] for here, there in NAMES.items() if here in event}
    found |= {name: str(event[name]) for name in ("interaction", "wave") if name in event}
    if "cause" in event:
        found["causationid"] = "{}/{}".format(*event["cause"])
    return found


def event_line(event: dict[str, Any], index: int) -> str:
    return dumped(attributes_of(event, index)) + "\n"


SOURCE = "wave://0190d6a4-3c9f-7b52-a0f3-2f4b9f0a7c11"
NAMES = {name: name for name in ("seq", "runner", "step", "actor", "definition")} | {"correlation": "correlationid"}


def _date(days: int) -> tuple[int, int, int]:
    """Return year, month and day of a number of days since 1970."""
    days += 719_468
    era, day_of_era = divmod(days, 146_097)
    year = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day = day_of_era - (365 * year + year // 4 - year // 100)
    month = (5 * day + 2) // 153
    return year + era * 400 + (month >= 10), month + 3 if month < 10 else month - 9, day - (153 * month + 2) // 5 + 1


def tiles(leaves: Sequence[bytes]) -> dict[str, bytes]:
    """Return all tiles of a tree by their path."""
    found, level, row = {}, 0, list(leaves)
    while row:
        for number in range((len(row) + 255) // 256):
            part = row[number * 256 : (number + 1) * 256]
            found[tile_name(str(level), number, len(part))] = b"".join(part)
        row = [root_of(row[at : at + 256]) for at in range(0, len(row) - 255, 256)]
        level += 1
    return found


def tile_name(level: str, number: int, width: int) -> str:
    digits = f"{number:03d}" if number < 1000 else f"x{number // 1000:03d}/{number % 1000:03d}"
    return f"tile/{level}/{digits}" + (f".p/{width}" if width < 256 else "")


def entry_files(entries: Entries) -> dict[str, bytes]:
    parts = [entries[at : at + 256] for at in range(0, len(entries), 256)]
    return {
        tile_name("entries", number, len(part)): b"".join(len(one).to_bytes(2, "big") + one for one in part)
        for number, part in enumerate(parts)
    }


def payload_line(commitment: str, nonce: bytes, content: bytes) -> str:
    try:
        said = {"text": content.decode()}
    except UnicodeDecodeError:
        said = {"base64": base64.b64encode(content).decode()}
    return dumped({"c": commitment, "nonce": nonce.hex(), **said}) + "\n"


def whole(log: Log) -> dict[str, bytes]:
    """Return the files of a bundle of the whole log, without its manifest."""
    lines = [event_line(event, log.index_of[place]) for place, event in enumerate(log.history.events)]
    half = len(lines) // 2
    return {
        "checkpoint": checkpoint(log.leaves), "policy": policy().encode(),
        "events/000000.jsonl": "".join(lines[:half]).encode(), "events/000001.jsonl": "".join(lines[half:]).encode(),
        **payload_files(log.history.payloads), **tiles(log.leaves), **entry_files(log.entries), **older(log),
    }  # fmt: skip


def older(log: Log, *, proven: bool = False) -> dict[str, bytes]:
    """Return older checkpoints of a log, with the proofs that it contains them."""
    found = {}
    for size in log.sizes[:-1][::7]:
        found[f"checkpoints/{size}"] = checkpoint(log.leaves[:size])
        if proven:
            lines = [f"old {size}", *(base64.b64encode(one).decode() for one in consistency(size, log.leaves))]
            found[f"consistency/{size}"] = "\n".join(lines).encode() + b"\n\n" + checkpoint(log.leaves)
    return found


def payload_files(payloads: dict[str, tuple[bytes, bytes]]) -> dict[str, bytes]:
    return {"payloads/000000.jsonl": "".join(payload_line(c, *kept) for c, kept in payloads.items()).encode()}


def part(log: Log, places: Iterable[int], *, by_proofs: bool) -> dict[str, bytes]:
    """Return the files of a bundle of some events, with the headers that bound them, proven one by one or by tiles."""
    places, events = sorted(places), log.history.events
    indexes = {log.index_of[place] for place in places}
    wanted = {max(one for one in log.headers if one < index) for index in indexes}
    headers = sorted(wanted | {log.headers[at - 1] for at, one in enumerate(log.headers) if one in wanted and at})
    files = {
        "checkpoint": checkpoint(log.leaves), "policy": policy().encode(), **older(log, proven=by_proofs),
        "events/000000.jsonl": "".join(event_line(events[one], log.index_of[one]) for one in places).encode(),
        "entries/000000.jsonl": "".join(log.entries[one].decode() + "\n" for one in headers).encode(),
    }  # fmt: skip
    if not by_proofs:
        return files | tiles(log.leaves)
    for index in sorted(indexes | set(headers)):
        lines = ["c2sp.org/tlog-proof@v1", f"index {index}"]
        lines += [base64.b64encode(one).decode() for one in inclusion(index, log.leaves)]
        files[f"proofs/{index}.tlog-proof"] = "\n".join(lines).encode() + b"\n\n" + checkpoint(log.leaves)
    return files


def of_run(log: Log, run: int) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return the files and the scope of one run's bundle."""
    places = [at for at, one in enumerate(log.history.events) if one["run"] == run or one["type"] == "payload_erased"]
    files = part(log, places, by_proofs=False)
    return files | payload_files(_behind(log, places)), {"kind": "run", "run": run}


def of_flow(log: Log, flow: str) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return the files and the scope of the bundle of one record's flow, with what caused it."""
    events = log.history.events
    own = [at for at, one in enumerate(events) if one.get("correlation") == flow]
    wanted = {events[at]["interaction"] for at in own}
    while more := {
        one["cause"][0] for one in events if one.get("interaction") in wanted and "cause" in one
    } - wanted:  # fmt: skip
        wanted |= more
    runs = {events[at]["run"] for at in own}
    places = {at for at, one in enumerate(events) if one.get("interaction") in wanted}
    places |= {at for at, one in enumerate(events) if one["type"] == "run_started" and one["run"] in runs}
    places |= {at for at, one in enumerate(events) if one["type"] == "payload_erased"}
    mine = {c for c, of in log.history.written.items() if of == flow}
    places |= {at for at, one in enumerate(events) if mine.intersection(promised(one["data"]))}
    written = {c: kept for c, kept in log.history.payloads.items() if c in mine}
    files = part(log, places, by_proofs=True) | payload_files({**_behind(log, own), **written})
    return files, {"kind": "record", "correlations": [flow]}


def of_range(log: Log, first: int, after: int) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return the files and the scope of the bundle of a range of the log."""
    places = [at for at, index in log.index_of.items() if first <= index < after]
    says_gone = {"payload_erased", "drop_ordered", "history_dropped"}
    gone = [at for at, one in enumerate(log.history.events) if one["type"] in says_gone]
    files = part(log, {*places, *gone}, by_proofs=False)
    there = {json.loads(line)["n"] for line in files["entries/000000.jsonl"].splitlines()}
    wanted = set(range(first, after)) - set(log.index_of.values()) | there
    files["entries/000000.jsonl"] = b"".join(log.entries[one] + b"\n" for one in sorted(wanted))
    return files | payload_files(_behind(log, places)), {"kind": "range", "from": first, "to": after}


def _behind(log: Log, places: Iterable[int]) -> dict[str, tuple[bytes, bytes]]:
    named = {one for place in places for one in promised(log.history.events[place]["data"])}
    return {c: kept for c, kept in log.history.payloads.items() if c in named}


def manifest(files: dict[str, bytes], size: int, scope: dict[str, Any], origin: str = ORIGIN) -> bytes:
    listed = {name: {"bytes": len(content), "sha256": hashed(content).hex()} for name, content in files.items()}
    return dumped({"bundle": 1, "files": listed, "origin": origin, "scope": scope, "size": size}).encode()


def write(folder: Path, files: dict[str, bytes], size: int, scope: dict[str, Any], origin: str = ORIGIN) -> Path:
    """Write a bundle, with the manifest that fits its files unless it brings its own."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in ({"manifest.json": manifest(files, size, scope, origin)} | files).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def random_bundle(folder: Path, seed: int) -> tuple[Path, Log]:
    """Write a random bundle of a random history: of all, of a run, of a record, of a range."""
    log = seal(history(seed), seed, size=[3, 12, 400][seed % 3])
    chosen = random.Random(seed)
    files, scope = whole(log), {"kind": "whole"}
    match seed % 4:
        case 1:
            files, scope = of_run(log, 1)
        case 2:
            files, scope = of_flow(
                log, chosen.choice([one["correlation"] for one in log.history.events if "correlation" in one])
            )
        case 3:
            first = chosen.randrange(len(log.entries) - 1)
            files, scope = of_range(log, first, chosen.randint(first + 1, len(log.entries)))
    return write(folder, files, len(log.entries), scope), log
