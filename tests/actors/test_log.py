from hypothesis import given
from hypothesis import strategies as st

from wave_runner.actors.log import KEPT_BYTES, BoundedLog

sizes = st.lists(st.integers(0, KEPT_BYTES * 3), max_size=6)


@given(sizes)
def test_beginning_and_end_are_kept_and_the_rest_is_counted(sizes):
    log, whole = BoundedLog(), b""
    for number, size in enumerate(sizes):
        piece = bytes([65 + number]) * size
        log.add(piece)
        whole += piece
    left_out = len(whole) - 2 * KEPT_BYTES
    if left_out <= 0:
        assert log.take() == whole
    else:
        note = f"\n[… {left_out:,} bytes of output left out …]\n".encode()
        assert log.take() == whole[:KEPT_BYTES] + note + whole[-KEPT_BYTES:]


def test_a_taken_log_begins_anew():
    log = BoundedLog()
    log.add(b"x" * (3 * KEPT_BYTES))
    log.take()
    log.add(b"next")
    assert log.take() == b"next"
