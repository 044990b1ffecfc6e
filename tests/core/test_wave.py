"""Which queue a lane serves, and how much of it."""

from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.wave import (
    GATHER_S,
    LONGEST_GATHER_S,
    STEP,
    Choice,
    Linger,
    Waiting,
    choose,
    choose_script,
    gathers,
    is_pressing,
    wave_size,
)


def waiting(
    queue_id: int, work_key: str, position: int, *, template: str = "", age_s: float = 0.0, rank: int = 0
) -> Waiting:
    at = {"work_key": work_key, "template": template, "position": position}
    return Waiting(queue_id=queue_id, waiting=1, head_age_s=age_s, rank=rank, **at)


EARLY, LATE = waiting(1, "a", 3), waiting(2, "b", 5)


def test_the_resident_model_is_drained_before_another_is_loaded():
    assert choose([EARLY, LATE], resident="b", feeding=False) == Choice(queue=LATE, reason="drain")


def test_without_a_resident_model_the_earliest_step_goes_first():
    assert choose([LATE, EARLY], resident=None, feeding=False) == Choice(queue=EARLY, reason="earliest step")


def test_a_model_that_is_still_being_fed_is_kept_although_others_wait():
    assert choose([EARLY], resident="b", feeding=True) == Linger(work_key="b")
    assert choose([], resident="b", feeding=True) == Linger(work_key="b")


def test_a_model_that_nothing_feeds_makes_room():
    assert choose([EARLY], resident="b", feeding=False) == Choice(queue=EARLY, reason="earliest step")


def test_where_nothing_waits_nothing_is_chosen():
    assert choose([], resident=None, feeding=True) is None
    assert choose([], resident="a", feeding=False) is None
    assert choose_script([]) is None


def test_inside_a_model_one_template_is_finished_before_the_next():
    first, other = waiting(1, "a", 3, template="x", age_s=1), waiting(2, "a", 3, template="y", age_s=99)
    assert choose([other, first], resident="a", feeding=False) == Choice(queue=first, reason="drain")


def test_of_queues_that_are_alike_the_one_that_waits_longest_goes_first():
    young, old = waiting(1, "a", 3, age_s=1), waiting(2, "a", 3, age_s=9)
    assert choose([young, old], resident="a", feeding=False) == Choice(queue=old, reason="drain")


def test_scripts_take_the_latest_step_first_so_that_records_are_finished():
    assert choose_script([EARLY, LATE]) == Choice(queue=LATE, reason="latest step")


def test_a_step_of_priority_goes_before_a_later_step():
    ahead = waiting(3, "c", 1, rank=-STEP)
    assert choose_script([EARLY, LATE, ahead]) == Choice(queue=ahead, reason="latest step")
    assert choose([EARLY, LATE, ahead], resident=None, feeding=False) == Choice(queue=ahead, reason="earliest step")
    little = waiting(3, "c", 1, rank=1 - STEP)
    assert choose_script([LATE, little]) == Choice(queue=LATE, reason="latest step")


def test_a_model_is_left_before_it_is_drained_only_for_what_is_far_ahead():
    ahead, far = waiting(3, "a", 1, rank=-9 * STEP), waiting(3, "a", 1, rank=-10 * STEP)
    assert choose([LATE, ahead], resident="b", feeding=False) == Choice(queue=LATE, reason="drain")
    assert choose([LATE, far], resident="b", feeding=True) == Choice(queue=far, reason="far ahead")


QUEUES = st.lists(st.builds(waiting, st.integers(1, 99), st.sampled_from("abc"), st.integers(1, 9)), max_size=8)


@given(QUEUES, st.sampled_from([None, "a", "b", "c"]), st.booleans())
def test_a_model_is_changed_only_when_nothing_waits_for_it_and_nothing_feeds_it(queues, resident, feeding):
    choice = choose(queues, resident=resident, feeding=feeding)
    if isinstance(choice, Choice):
        assert choice.queue in queues
        if resident is not None and choice.queue.work_key != resident:
            assert not feeding
            assert all(queue.work_key != resident for queue in queues)
    else:
        assert all(queue.work_key == resident or feeding for queue in queues)


def test_a_wave_is_about_one_lease_of_measured_work():
    assert wave_size(service_s=0.5, lease_s=30, concurrency=2, largest=500) == 120


def test_before_anything_is_measured_a_wave_is_what_runs_at_once():
    assert wave_size(service_s=None, lease_s=30, concurrency=4, largest=500) == 4


@given(st.floats(0, 1e6), st.floats(0.1, 100), st.integers(1, 16), st.integers(16, 1000))
def test_a_wave_is_never_smaller_than_what_runs_at_once_nor_larger_than_its_bound(
    service_s, lease_s, concurrency, largest
):
    size = wave_size(service_s=service_s, lease_s=lease_s, concurrency=concurrency, largest=largest)
    assert concurrency <= size <= largest


def shared(others: int, *, n: int = 1, age_s: float = 0.0) -> Waiting:
    return Waiting(queue_id=1, work_key="a", template="", position=1, waiting=n, head_age_s=age_s, others=others)


def test_a_queue_that_nobody_else_is_at_is_never_left_whatever_the_clock_says():
    assert not gathers(shared(0), enough=50, dice=1.0)
    assert not gathers(shared(0, age_s=-3600), enough=50, dice=1.0)


def test_what_comes_to_a_queue_gathers_for_longer_the_more_runners_are_at_it():
    def longest(others: int) -> float:
        return max(ms / 1000 for ms in range(2000) if gathers(shared(others, age_s=ms / 1000), enough=50, dice=0))

    left = [longest(others) for others in range(1, 20)]
    assert left == sorted(left)
    assert GATHER_S - 0.01 < left[0] < GATHER_S
    assert LONGEST_GATHER_S - 0.01 < left[-1] < LONGEST_GATHER_S


@given(
    others=st.integers(0, 50),
    n=st.integers(1, 1000),
    age_s=st.floats(-1e6, 1e6),
    enough=st.integers(1, 1000),
    dice=st.floats(0, 1),
)
def test_nothing_gathers_that_is_enough_or_has_waited(others: int, n: int, age_s: float, enough: int, dice: float):
    if gathers(shared(others, n=n, age_s=age_s), enough=enough, dice=dice):
        assert others
        assert n < enough
        assert age_s < 2 * LONGEST_GATHER_S


def test_only_a_step_of_priority_is_pressing():
    plain, other = waiting(1, "a", 1), waiting(2, "b", 1)
    assert not is_pressing(plain, [other])
    assert not is_pressing(plain, [])
    assert is_pressing(waiting(1, "a", 1, rank=-STEP), [other])
    assert not is_pressing(waiting(1, "a", 1, rank=1 - STEP), [other])
