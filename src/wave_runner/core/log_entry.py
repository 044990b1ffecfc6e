"""Entries of the log: what is hashed as a leaf. Each is one line of canonical JSON with integers only.

Kind 0 stands for an event and holds the hash of its body, so that the body can be withheld. Kind 1 is the header of a
batch: it gives the log its clock. Kind 2 says what happened to the log itself. Times are microseconds since 1970 UTC.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable, Sequence

import orjson

from wave_runner.core.canonical import canonical
from wave_runner.core.event import Event, body, commitments, json_text


class Kind(enum.IntEnum):
    """What an entry is about."""

    EVENT = 0
    SEAL = 1
    ANCHOR = 2


def event_entry(event: Event, index: int, *, source: str) -> bytes:
    """Return the entry of an event. What only the database stamps stands in it, beside the hash of the body."""
    return event_line(
        index,
        body_sha256=hashlib.sha256(body(event, source=source)).hexdigest(),
        event_id=event.event_id,
        commitments=commitments(event.data),
        recorded_us=event.recorded_us,
        db_user=event.db_user,
    )


def event_line(
    index: int, *, body_sha256: str, event_id: int, commitments: Sequence[str], recorded_us: int, db_user: str
) -> bytes:
    """Return the canonical JSON of an event's entry; put together by hand, as there is one for each event."""
    paid = ",".join([f'"{one}"' for one in commitments])
    return (
        f'{{"b":"{body_sha256}","i":{event_id},"k":0,"n":{index},"p":[{paid}],"r":{recorded_us},"u":{json_text(db_user)}}}'
    ).encode()


def seal_entry(index: int, *, at_us: int, count: int, prev_root: bytes, snapshot: str) -> bytes:
    """Return the header of a batch of `count` events; the tree before it has `index` leaves and `prev_root`.

    `at_us` is the database's time after the snapshot, so that no event of the batch was recorded later.
    """
    said = {"at": at_us, "count": count, "prev_root": prev_root.hex(), "prev_size": index, "snap": snapshot}
    return canonical({**said, "k": Kind.SEAL.value, "n": index})


def key_rotated_entry(index: int, *, at_us: int, old: str, new: str) -> bytes:
    """Return the anchor that announces a new key; `old` and `new` are verifier keys."""
    return canonical({"at": at_us, "k": Kind.ANCHOR.value, "n": index, "new": new, "old": old, "t": "key_rotated"})


def replaced_keys(anchors: Iterable[bytes], origin: str) -> list[str]:
    """Return the verifier keys that signed under an origin before others took their places, by what anchors say."""
    said = [orjson.loads(entry) for entry in anchors]
    return [one["old"] for one in said if one["t"] == "key_rotated" and one["old"].startswith(f"{origin}+")]


def epoch_opened_entry(
    index: int, *, at_us: int, origin: str, key: str, last_checkpoint: str, reason: str, by: str, approved_by: str
) -> bytes:
    """Return the anchor that begins a new epoch: why, who wanted it, who agreed, and the last checkpoint before it.

    The checkpoint may be one of leaves that are gone, which is what epochs are for; "" where there was none.
    """
    people = {"approved_by": approved_by, "by": by}
    said = {"key": key, "last_checkpoint": last_checkpoint, "origin": origin, "reason": reason, "t": "epoch_opened"}
    return canonical({**people, **said, "at": at_us, "k": Kind.ANCHOR.value, "n": index})
