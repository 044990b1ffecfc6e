"""Leaf entries, byte for byte as they are documented, and the bodies that they stand for."""

from __future__ import annotations

import hashlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core import log_entry
from wave_runner.core.canonical import canonical
from wave_runner.core.event import Event, body, commitment, commitments, data_text
from wave_runner.core.merkle import leaf_hash

A, B, C = (character * 64 for character in "abc")
FULL = Event(
    event_id=2**53 + 1,
    run_id=3001,
    form=1,
    type="interaction_retry_scheduled",
    interaction_id=998_877,
    seq=3,
    cause_interaction_id=998_877,
    cause_seq=2,
    wave_id=17,
    correlation_id="0197a2f0-7c3e-7b11-9d54-0d9a4b5c6d7e",
    runner_id="0197a2f0-7c3e-7b11-9d54-0d9a4b5c6d7f",
    step="summarise",
    actor="summariser",
    definition=C,
    data=data_text({"attempt": 1, "input": A, "payloads": [{"c": B, "role": "request"}]}),
    recorded_us=1_763_906_553_123_456,
    db_user="wr_runner",
)
BARE = FULL._replace(
    type="wave_closed",
    interaction_id=None,
    seq=None,
    cause_interaction_id=None,
    cause_seq=None,
    wave_id=None,
    correlation_id=None,
    runner_id=None,
    step=None,
    actor=None,
    definition=None,
    data="{}",
)


def test_the_documented_entry_has_the_documented_hash():
    entry = log_entry.event_line(
        1,
        body_sha256="e6269ed60fa1e5e27c571edd299931b308eef9bd77c2c451fdb05bc0d4a894d2",
        event_id=1,
        commitments=[],
        recorded_us=1_763_906_553_123_456,
        db_user="wr_runner",
    )
    assert len(entry) == 134
    assert leaf_hash(entry).hex() == "7e277f07d6ac3d32d9465ac0d423fca833a579002a09508e6e33301fe09f546e"


def test_the_documented_commitment():
    assert commitment(bytes(range(32)), b"hello") == "e301c3733305cb982100a8c44467524d44e892e4fe2f59296e38c78bdf940b47"


def test_a_body_is_a_cloud_event_in_canonical_json():
    said = orjson.loads(body(FULL, source="wave:one"))
    assert said == {
        "actor": "summariser",
        "causationid": "998877/2",
        "correlationid": FULL.correlation_id,
        "data": {"attempt": 1, "input": A, "payloads": [{"c": B, "role": "request"}]},
        "dataschema": "wave:interaction.retry_scheduled/1",
        "definition": C,
        "id": "9007199254740993",
        "interaction": "998877",
        "run": "3001",
        "runner": FULL.runner_id,
        "seq": 3,
        "source": "wave:one",
        "specversion": "1.0",
        "step": "summarise",
        "type": "interaction.retry_scheduled",
        "wave": "17",
    }
    assert body(FULL, source="wave:one") == canonical(said)


MAY_BE_NULL = [
    "interaction_id",
    "cause_interaction_id",
    "wave_id",
    "correlation_id",
    "runner_id",
    "step",
    "actor",
    "definition",
]
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1)


@given(st.sets(st.sampled_from(MAY_BE_NULL)), TEXTS, TEXTS)
def test_whatever_is_null_and_however_things_are_called_a_body_is_canonical(null: set[str], step: str, actor: str):
    event = FULL._replace(step=step, actor=actor)._replace(**dict.fromkeys(null))
    found = body(event, source="wave:one")
    assert found == canonical(orjson.loads(found))
    said = orjson.loads(found)
    assert (said.get("step"), said.get("actor")) == (event.step, event.actor)


def test_what_is_null_is_no_attribute():
    assert orjson.loads(body(BARE, source="wave:one")).keys() == {
        "data", "dataschema", "id", "run", "source", "specversion", "type"
    }  # fmt: skip


@pytest.mark.parametrize("name", [name for name in Event._fields if name not in ("recorded_us", "db_user", "form")])
def test_every_column_of_an_event_changes_its_body(name: str):
    other = {int: lambda one: one + 1, str: lambda one: one + "x"}
    value = getattr(FULL, name)
    changed = FULL._replace(**{name: {"type": "wave_closed", "data": "{}"}.get(name, other[type(value)](value))})
    assert body(changed, source="wave:one") != body(FULL, source="wave:one")


def test_an_event_of_a_form_that_is_unknown_is_not_guessed_at():
    with pytest.raises(ValueError, match="has form 2; this Wave Runner knows 1"):
        body(FULL._replace(form=2), source="wave:one")


def test_an_entry_holds_the_hash_of_the_body_and_what_only_the_database_stamps():
    entry = log_entry.event_entry(FULL, 12, source="wave:one")
    said = orjson.loads(entry)
    assert said == {
        "b": hashlib.sha256(body(FULL, source="wave:one")).hexdigest(),
        "i": FULL.event_id,
        "k": 0,
        "n": 12,
        "p": [A, B],
        "r": FULL.recorded_us,
        "u": "wr_runner",
    }


@given(
    st.text(min_size=1).filter(lambda one: "\x00" not in one),
    st.integers(0, 2**53 - 1),
    st.lists(st.just(A), max_size=3),
)
def test_an_entry_is_canonical_json_whatever_the_user_is_called(user: str, index: int, found: list[str]):
    if any("\ud800" <= one <= "\udfff" for one in user):
        return
    entry = log_entry.event_line(index, body_sha256=B, event_id=5, commitments=found, recorded_us=7, db_user=user)
    assert entry == canonical(orjson.loads(entry))


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ('{"input":"%s","output":"%s","payloads":[{"c":"%s"}]}' % (A, B, C), [A, B, C]),  # noqa: UP031
        ('{"weights":"%s"}' % A, []),  # noqa: UP031
        ('{"input":"short","payloads":[{"c":7},8,{}]}', []),
        ('{"payloads":{"c":"%s"}}' % A, []),  # noqa: UP031
        ("[1]", []),
        ("no JSON at all", []),
    ],
)
def test_commitments_are_found_in_any_data(data: str, found: list[str]):
    assert commitments(data) == found


def test_the_entries_about_the_log_itself():
    seal = log_entry.seal_entry(6, at_us=5, count=2, prev_root=bytes(32), snapshot="10:20:11,12")
    assert seal == (
        b'{"at":5,"count":2,"k":1,"n":6,"prev_root":"' + b"00" * 32 + b'","prev_size":6,"snap":"10:20:11,12"}'
    )
    rotated = log_entry.key_rotated_entry(6, at_us=5, old="a", new="b")
    assert rotated == b'{"at":5,"k":2,"n":6,"new":"b","old":"a","t":"key_rotated"}'
    opened = log_entry.epoch_opened_entry(
        6, at_us=5, origin="o/e2", key="k", last_checkpoint="o/e1\n9\n", reason="restored", by="ann", approved_by="bob"
    )
    assert opened == canonical(orjson.loads(opened))
    assert orjson.loads(opened) == {
        "approved_by": "bob", "at": 5, "by": "ann", "k": 2, "key": "k", "last_checkpoint": "o/e1\n9\n", "n": 6,
        "origin": "o/e2", "reason": "restored", "t": "epoch_opened",
    }  # fmt: skip
