"""Epochs: what a checkpoint outside says of the log in the database."""

from __future__ import annotations

import pytest

from wave_runner.core.epoch import epoch_of, is_ahead, is_newer, next_origin, origin_of
from wave_runner.core.note import Checkpoint


def at(epoch: int, size: int, log: str = "l") -> Checkpoint:
    return Checkpoint(origin=f"{log}/e{epoch}", size=size, root=bytes(32))


def test_an_origin_names_its_log_and_its_epoch():
    assert epoch_of(origin_of("wave-runner/one", 12)) == ("wave-runner/one", 12)
    assert [epoch_of(other) for other in ("", "l", "l/e", "l/e0", "l/e01", "/e1")] == [("", 0)] * 6


@pytest.mark.parametrize(
    ("outside", "ahead"),
    [
        (at(1, 10), False),
        (at(1, 11), True),
        (at(2, 1), True),
        (at(2, 1, "other"), False),
    ],
)
def test_a_checkpoint_is_ahead_by_epoch_or_by_size(outside: Checkpoint, ahead: bool):
    assert is_ahead(outside, origin="l/e1", size=10) is ahead
    assert not is_ahead(at(1, 11), origin="l/e2", size=10)


def test_the_next_epoch_comes_after_all_that_are_known():
    assert next_origin("l/e1", None) == "l/e2"
    assert next_origin("l/e1", at(3, 5)) == "l/e4"
    assert next_origin("l/e4", at(3, 5)) == "l/e5"
    assert next_origin("l/e1", at(9, 5, "other")) == "l/e2"


def test_the_newer_of_two():
    assert is_newer(at(2, 1), at(1, 9))
    assert is_newer(at(1, 9), at(1, 8))
    assert not is_newer(at(1, 9), at(1, 9))
