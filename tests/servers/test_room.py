"""Whom a server has to unload so that another model fits."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.servers.room import Room, to_unload

SIZES = {"a": 3, "b": 2, "c": 1}


def leaving(room: Room, needs: int | None, **more: tuple[str, ...]) -> str:
    found = to_unload(room, SIZES, needs, **{"order": (), "busy": (), **more})
    assert found is not None
    return "".join(found)


@pytest.mark.parametrize(
    ("models", "memory", "needs", "gone"),
    [
        (4, None, 9, ""),
        (3, None, 1, "c"),
        (1, None, 1, "cab"),
        (None, 9, 3, ""),
        (None, 8, 3, "c"),
        (None, 6, 3, "ca"),
        (None, 3, 3, "cab"),
        (None, 9, None, ""),
        (3, 9, 3, "c"),
        (3, 6, 3, "ca"),
    ],
)
def test_the_longest_unasked_go_until_there_is_room(models: int | None, memory: int | None, needs: int, gone: str):
    assert leaving(Room(models=models, memory=memory), needs, order=("c", "a", "b")) == gone


def test_who_was_never_asked_goes_first_and_who_is_at_work_last():
    room = Room(models=2, memory=None)
    assert leaving(room, 1, order=("a", "b")) == "ca"
    assert leaving(room, 1, order=("a", "b"), busy=("c", "a")) == "bc"


def test_who_is_kept_does_not_leave_at_all():
    room = Room(models=2, memory=None)
    assert leaving(room, 1, order=("a", "b"), busy=("b",), kept=("c",)) == "ab"
    assert to_unload(room, SIZES, 1, order=(), busy=(), kept=("c", "a")) is None
    assert leaving(Room(models=4, memory=None), 1, kept=("a", "b", "c")) == ""


@given(
    sizes=st.dictionaries(st.sampled_from("abcdef"), st.one_of(st.none(), st.integers(1, 9))),
    needs=st.one_of(st.none(), st.integers(1, 9)),
    models=st.one_of(st.none(), st.integers(1, 6)),
    memory=st.one_of(st.none(), st.integers(9, 30)),
    order=st.permutations("abcdef"),
    busy=st.sets(st.sampled_from("abcdef")),
)
def test_what_stays_fits_and_nobody_leaves_for_nothing(sizes, needs, models, memory, order, busy):
    room = Room(models=models, memory=memory)
    gone = to_unload(room, sizes, needs, order=order, busy=busy)
    assert gone is not None, "nobody is kept"
    left = [size for name, size in sizes.items() if name not in gone]
    assert room.holds([*left, needs])
    if gone:
        assert not room.holds([*left, sizes[gone[-1]], needs])
    ranks = [(name in busy, order.index(name)) for name in gone]
    assert ranks == sorted(ranks)
    stayed = [(name in busy, order.index(name)) for name in sizes if name not in gone]
    assert all(first < second for first, second in itertools.product(ranks, stayed))
