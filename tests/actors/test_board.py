import os

import pytest

from wave_runner.actors.board import NONE, OUTBOX_BYTES, Board


@pytest.fixture
def boards():
    """Two views of the same memory, as a worker and its runner have them."""
    fd = Board.create()
    views = Board(fd), Board(fd)
    os.close(fd)
    yield views
    for view in views:
        view.close()


def test_a_fresh_board_has_nothing_begun_and_an_empty_outbox(boards):
    _, runner = boards
    assert (runner.begun, runner.outbox) == (NONE, b"[]")


def test_what_one_side_notes_the_other_reads(boards):
    worker, runner = boards
    worker.begin(3, 1_000)
    assert (runner.begun, runner.since_ns) == (3, 1_000)
    worker.rest()
    assert (runner.begun, runner.since_ns) == (NONE, 1_000)


def test_posted_results_are_one_json_array_until_the_outbox_is_emptied(boards):
    worker, runner = boards
    assert worker.post(b'{"a":1}')
    assert worker.post(b'{"b":2}')
    assert runner.outbox == b'[{"a":1},{"b":2}]'
    worker.empty()
    assert runner.outbox == b"[]"


def test_a_result_that_does_not_fit_leaves_the_outbox_as_it_was(boards):
    worker, runner = boards
    assert worker.post(b"1")
    assert not worker.post(b"2" * OUTBOX_BYTES)
    assert runner.outbox == b"[1]"
    assert worker.post(b"3" * (OUTBOX_BYTES - 3))
    assert not worker.post(b"")
