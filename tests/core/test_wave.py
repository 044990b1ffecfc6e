"""Which queue a lane serves, and how much of it."""

from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.course import line
from wave_runner.core.residency import Room
from wave_runner.core.wave import (
    GATHER_S,
    LONGEST_GATHER_S,
    STEP,
    Choice,
    Linger,
    Memory,
    Model,
    Policy,
    Resident,
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


def loaded(*models: str, feeding: bool = False, **more) -> Memory:
    """What a lane knows whose server has these models, the first of them its own."""
    there = [Resident(work_key=model, served_s=more.pop("served_s", 1e9)) for model in models]
    fed = {*more.pop("fed", ()), *(models[:1] if feeding else ())}
    return Memory(resident=there, current=models[0] if models else None, fed=fed, **more)


EARLY, LATE = waiting(1, "a", 3), waiting(2, "b", 5)


def test_the_resident_model_is_drained_before_another_is_loaded():
    assert choose([EARLY, LATE], loaded("b")) == Choice(queue=LATE, reason="drain")


def test_without_a_resident_model_the_earliest_step_goes_first():
    assert choose([LATE, EARLY], loaded()) == Choice(queue=EARLY, reason="earliest step")


def test_a_model_that_is_still_being_fed_is_kept_although_others_wait():
    assert choose([EARLY], loaded("b", feeding=True)) == Linger(reason="fed", work_key="b")
    assert choose([], loaded("b", feeding=True)) == Linger(reason="fed", work_key="b")


def test_a_model_that_nothing_feeds_makes_room():
    assert choose([EARLY], loaded("b")) == Choice(queue=EARLY, reason="earliest step", evict=("b",))


def test_where_nothing_waits_nothing_is_chosen():
    assert choose([], loaded(feeding=True)) is None
    assert choose([], loaded("a")) is None
    assert choose_script([]) is None


def test_inside_a_model_one_template_is_finished_before_the_next():
    first, other = waiting(1, "a", 3, template="x", age_s=1), waiting(2, "a", 3, template="y", age_s=99)
    assert choose([other, first], loaded("a")) == Choice(queue=first, reason="drain")


def test_of_queues_that_are_alike_the_one_that_waits_longest_goes_first():
    young, old = waiting(1, "a", 3, age_s=1), waiting(2, "a", 3, age_s=9)
    assert choose([young, old], loaded("a")) == Choice(queue=old, reason="drain")


def test_scripts_take_the_latest_step_first_so_that_records_are_finished():
    assert choose_script([EARLY, LATE]) == Choice(queue=LATE, reason="latest step")


def test_a_step_of_priority_goes_before_a_later_step():
    ahead = waiting(3, "c", 1, rank=-STEP)
    assert choose_script([EARLY, LATE, ahead]) == Choice(queue=ahead, reason="latest step")
    assert choose([EARLY, LATE, ahead], loaded()) == Choice(queue=ahead, reason="earliest step")
    little = waiting(3, "c", 1, rank=1 - STEP)
    assert choose_script([LATE, little]) == Choice(queue=LATE, reason="latest step")


def test_a_model_is_left_before_it_is_drained_only_for_what_is_far_ahead():
    ahead, far = waiting(3, "a", 1, rank=-9 * STEP), waiting(3, "a", 1, rank=-10 * STEP)
    assert choose([LATE, ahead], loaded("b")) == Choice(queue=LATE, reason="drain")
    assert choose([LATE, far], loaded("b", feeding=True)) == Choice(queue=far, reason="far ahead", evict=("b",))


def test_a_model_pays_for_its_load_even_before_what_is_far_ahead():
    """Else an old run whose records trickle in costs a load for each."""
    far = waiting(3, "a", 1, rank=-10 * STEP)
    young = loaded("b", served_s=23.0, models={key: Model(name=key, load_s=6.0) for key in "ab"})
    assert choose([LATE, far], young, Policy(theta=4.0)) == Choice(queue=LATE, reason="drain")
    assert choose([far], young, Policy(theta=4.0)).queue == far, "nothing is left for it"


QUEUES = st.lists(st.builds(waiting, st.integers(1, 99), st.sampled_from("abc"), st.integers(1, 9)), max_size=8)


@given(QUEUES, st.sampled_from([None, "a", "b", "c"]), st.booleans())
def test_a_model_is_changed_only_when_nothing_waits_for_it_and_nothing_feeds_it(queues, resident, feeding):
    choice = choose(queues, loaded(*([resident] if resident else []), feeding=feeding))
    if isinstance(choice, Choice):
        assert choice.queue in queues
        if resident is not None and choice.queue.work_key != resident:
            assert not feeding
            assert all(queue.work_key != resident for queue in queues)
    else:
        assert all(queue.work_key == resident or feeding for queue in queues)


MODELS = {key: Model(name=key.upper(), load_s=6.0, service_s=1.0) for key in "abcd"}


def test_when_nothing_is_left_for_the_model_the_plan_says_which_is_next():
    """Earliest step would load `a`, and once more after `b`."""
    memory = loaded("d", models=MODELS, courses=[line("b", "a"), line("a")])
    choice = choose([EARLY, waiting(2, "b", 5)], memory)
    assert choice == Choice(queue=waiting(2, "b", 5), reason="plan: B A", evict=("d",))


def test_where_nothing_waits_for_the_first_model_of_the_plan_the_next_that_something_waits_for_is_taken():
    memory = loaded(models=MODELS, courses=[line("c", "b", "a", "b")])
    assert choose([EARLY, LATE], memory) == Choice(queue=LATE, reason="plan: C B A B; B waits")


def test_for_the_first_model_of_the_plan_a_lane_waits_as_long_as_the_load_takes_that_this_may_save():
    on_its_way = {"fed": {"c"}, "models": MODELS, "courses": [line("c", "b", "c")]}
    waits = Linger(reason="plan: C B C; C is fed", work_key="c")
    assert choose([LATE], loaded(lingered_s=5.9, **on_its_way)) == waits
    assert choose([LATE], loaded(lingered_s=6.0, **on_its_way)).reason == "plan: C B C; B waits"
    late = waiting(2, "b", 5, age_s=700)
    assert choose([late], loaded(lingered_s=5.9, **on_its_way)).reason == "overdue by 100 s"


def test_a_step_of_priority_decides_which_model_of_the_plan_is_next():
    ahead = waiting(3, "a", 9, rank=-STEP)
    memory = loaded(models=MODELS, courses=[line("b", "a")])
    assert choose([LATE, ahead], memory) == Choice(queue=ahead, reason="plan: B A; A waits")


def test_of_a_long_plan_the_reason_tells_the_beginning():
    memory = loaded(models=MODELS, courses=[line(*"ab" * 10)])
    assert choose([EARLY], memory).reason == "plan: A B A B A B A B A B A B and 8 more"


def overdue(*, age_s: float, served_s: float, turn_s: float | None = None) -> Choice:
    """What a lane does whose model has had a wave of its queue in this visit, a moment ago."""
    turns_s = {LATE.queue_id: 1.0, **({1: turn_s} if turn_s is not None else {})}
    memory = loaded("b", served_s=served_s, models=MODELS, turns_s=turns_s, visit_s=30.0)
    return choose([LATE, waiting(1, "a", 3, age_s=age_s)], memory, Policy(overdue_s=100.0, theta=4.0))


def test_a_head_that_has_waited_too_long_goes_before_what_the_model_still_has_once_its_load_is_paid_for():
    assert overdue(age_s=140, served_s=24).reason == "overdue by 40 s"
    assert overdue(age_s=140, served_s=23).reason == "drain"
    assert overdue(age_s=99, served_s=24).reason == "drain"


def test_a_head_waits_since_the_one_before_it_was_claimed():
    assert overdue(age_s=1000, served_s=24, turn_s=99.0).reason == "drain"
    assert overdue(age_s=1000, served_s=24, turn_s=140.0).reason == "overdue by 40 s"


def test_of_overdue_models_the_one_that_was_visited_longest_ago_goes_first():
    queues = [waiting(1, "a", 1, age_s=900), waiting(2, "b", 5, age_s=500), waiting(3, "c", 5, age_s=800)]
    memory = loaded("d", models=MODELS, claimed_s={"a": 200.0, "b": 300.0, "c": 250.0})
    assert choose(queues, memory, Policy(overdue_s=100.0)).queue.work_key == "b"


def own(*, turns_s: dict[int, float], served_s: float = 24.0, elsewhere_s: float = 0.0) -> Choice:
    """What a lane does whose model has two steps that wait, a long one and the one after it; it came 50 s ago."""
    queues = [waiting(1, "b", 1, age_s=900), waiting(2, "b", 2, age_s=500), waiting(3, "a", 1, age_s=elsewhere_s)]
    memory = loaded("b", models=MODELS, served_s=served_s, turns_s=turns_s, visit_s=50.0)
    return choose(queues, memory, Policy(overdue_s=100.0, theta=4.0))


def test_a_later_step_of_the_loaded_model_goes_before_the_earlier_one_as_soon_as_it_is_overdue():
    assert own(turns_s={1: 5.0, 2: 99.0}) == Choice(queue=waiting(1, "b", 1, age_s=900), reason="drain")
    assert own(turns_s={1: 5.0, 2: 110.0}) == Choice(queue=waiting(2, "b", 2, age_s=500), reason="overdue by 10 s")
    assert own(turns_s={1: 120.0, 2: 110.0}).queue.queue_id == 1, "it had its turn longer ago"


def test_before_a_model_is_left_for_what_is_overdue_each_of_its_queues_has_a_turn():
    assert own(turns_s={1: 5.0, 2: 60.0}, elsewhere_s=140).reason == "before leaving"
    assert own(turns_s={1: 5.0, 2: 60.0}, elsewhere_s=140).queue.queue_id == 2
    assert own(turns_s={1: 5.0, 2: 40.0}, elsewhere_s=140).reason == "overdue by 40 s"
    assert own(turns_s={1: 5.0, 2: 60.0}, elsewhere_s=140, served_s=23.0).reason == "drain", "nor before it has paid"


def test_work_that_others_are_far_ahead_of_is_never_overdue_at_its_own_model():
    behind = waiting(1, "b", 1, age_s=900, rank=10 * STEP)
    memory = loaded("b", models=MODELS, turns_s={}, visit_s=50.0)
    assert choose([behind, waiting(2, "b", 2)], memory, Policy(overdue_s=100.0)).queue.queue_id == 2


def test_without_a_figure_of_ones_own_ten_minutes_or_twenty_loads_of_everything_are_too_long():
    assert Policy().patience_s(MODELS) == 600.0
    assert Policy().patience_s({"a": Model(name="a", load_s=60.0)}) == 1200.0


def test_what_another_model_in_memory_can_do_comes_before_lingering_and_before_any_load():
    memory = loaded("c", "b", feeding=True, room=Room(most=2), models=MODELS, courses=[line("a"), line("b")])
    assert choose([EARLY, LATE], memory) == Choice(queue=LATE, reason="resident")


def test_where_there_is_room_nothing_is_evicted():
    memory = loaded("d", room=Room(most=2), models=MODELS, courses=[line("a")])
    assert choose([EARLY], memory) == Choice(queue=EARLY, reason="plan: A", evict=())


def test_a_model_that_another_lane_is_at_is_not_evicted():
    busy = Memory(resident=[Resident(work_key="d", busy=True)], models=MODELS, courses=[line("a")])
    assert choose([EARLY], busy) == Linger(reason="no place beside the models in use")
    assert choose([waiting(1, "a", 3, age_s=9999)], busy) == Linger(reason="no place beside the models in use")


def test_in_saving_mode_nothing_is_loaded_for_less_than_it_is_worth():
    def saving(n: int, age_s: float) -> Choice | Linger | None:
        queue = Waiting(queue_id=1, work_key="a", template="", position=1, waiting=n, head_age_s=age_s)
        return choose([queue], loaded(models=MODELS, courses=[line("a")]), Policy(fill=2.0, linger_s=60.0))

    assert saving(11, 59.0) == Linger(reason="too little for a load")
    assert saving(12, 59.0).reason == "plan: A"
    assert saving(11, 60.0).reason == "plan: A"


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
