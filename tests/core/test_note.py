"""Signed notes, keys and checkpoints, byte for byte as C2SP has them."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.note import Checkpoint, Note, NoteError, SignerKey, VerifierKey, signed

# The example of C2SP's signed-note.
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
# Ours: the seed 00..1f, over the eight leaves of the tree's own vectors. A second implementation gives the same.
ORIGIN = "example.com/wave-runner/e1"
SEED = bytes(range(32))
VKEY = "example.com/wave-runner/e1+268fda93+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
ROOT = base64.b64decode("XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=")
SIGNATURE = "Jo/ak1tYt4kKLm704QXaz/F4iVxEOAwHrL0C3zDo1vD18Gj905bXF4TCyEJz1pokLB5DD5lqhjeMuWnrxTYm5KVRHQI="


def test_the_example_of_the_specification_is_accepted():
    key = VerifierKey.parse(EXAMPLE_KEY)
    assert str(key) == EXAMPLE_KEY
    note = Note.parse(EXAMPLE)
    assert note.text == "This is an example message.\n"
    assert note.verified([key]) == [key]


def test_our_checkpoint_is_signed_as_another_implementation_signs_it():
    key = SignerKey(seed=SEED)
    assert str(key.verifier(ORIGIN)) == VKEY
    checkpoint = Checkpoint(origin=ORIGIN, size=8, root=ROOT)
    text = signed(checkpoint.text, [key], ORIGIN)
    assert text == f"{ORIGIN}\n8\n{base64.b64encode(ROOT).decode()}\n\n— {ORIGIN} {SIGNATURE}\n"
    note = Note.parse(text)
    assert note.verified([VerifierKey.parse(VKEY)]) == [VerifierKey.parse(VKEY)]
    assert Checkpoint.parse(note.text) == checkpoint


def test_a_note_is_split_at_its_last_empty_line():
    text = "first\n\nsecond\n"
    key = SignerKey(seed=SEED)
    assert Note.parse(signed(text, [key], "n")).text == text


def test_signatures_of_the_unknown_say_nothing_and_a_bad_one_of_the_known_refuses_all():
    old, new = SignerKey(seed=SEED), SignerKey(seed=SEED[::-1])
    text = signed("text\n", [old, new], "log")
    assert Note.parse(text).verified([new.verifier("log")]) == [new.verifier("log")]
    assert Note.parse(text).verified([old.verifier("log"), new.verifier("log")]) == [
        old.verifier("log"),
        new.verifier("log"),
    ]
    with pytest.raises(NoteError, match="nobody who is known"):
        Note.parse(text).verified([old.verifier("other")])
    forged = Note.parse(text.replace("text\n", "TEXT\n", 1))
    with pytest.raises(NoteError, match="is not over this text"):
        forged.verified([old.verifier("log")])


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_no_byte_of_a_checkpoint_can_be_changed(at: int, by: int):
    text = signed(Checkpoint(origin=ORIGIN, size=8, root=ROOT).text, [SignerKey(seed=SEED)], ORIGIN)
    data = bytearray(text.encode())
    at %= len(data)
    if data[at] == by:
        by ^= 1
    data[at] = by
    with pytest.raises(ValueError):  # noqa: PT011  no UTF-8, no note, or not signed
        Note.parse(data.decode()).verified([VerifierKey.parse(VKEY)])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("text\n", "an empty line and lines of signatures"),
        ("text\n\n", "an empty line and lines of signatures|no line of a signature"),
        ("text\n\n— a b\n", "no line of a signature"),
        ("text\n\n- a Uw2QOkn8\n", "no line of a signature"),
        ("te\txt\n\n— a Uw2QOkn8\n", "no control characters"),
        ("text\n" + "\n" + "— a Uw2QOkn8\n" * 101, "at most, not 101"),
    ],
)
def test_what_is_no_note_is_refused(text: str, said: str):
    with pytest.raises(NoteError, match=said):
        Note.parse(text)


@pytest.mark.parametrize(
    "text",
    ["", "a\n8\n", "a\n08\nAAAA\n", "a\n-1\nAAAA\n", "a\n8\nAAAA\n", "\n8\n" + base64.b64encode(ROOT).decode() + "\n"],
)
def test_what_is_no_checkpoint_is_refused(text: str):
    with pytest.raises(NoteError):
        Checkpoint.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000+AA==",
        EXAMPLE_KEY.replace("530d903a", "530d903b"),
        EXAMPLE_KEY.replace("+A", "+B"),
        "a b+1+1",
    ],
)
def test_what_is_no_key_is_refused(text: str):
    with pytest.raises(NoteError):
        VerifierKey.parse(text)


@pytest.mark.parametrize("name", ["", "a+b", "a b", "a\u2003b"])
def test_names_that_a_line_could_not_hold_are_refused(name: str):
    with pytest.raises(NoteError, match="cannot name a key"):
        SignerKey(seed=SEED).verifier(name)


def test_a_private_key_does_not_show_itself():
    assert "seed" not in repr(SignerKey(seed=SEED))
