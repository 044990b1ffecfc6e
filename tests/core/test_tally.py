import pytest

from wave_runner.core.tally import Alert, Tally, alerts, broken

TALLY = Tally(records=10, completed=8, incomplete=2, staged=12, promoted=10, rejected=2, saved=9)
USUAL = {"saves": True, "selects": False, "narrowed": False, "earlier": ()}


def kinds(found: list[Alert]) -> list[str]:
    return [alert.kind for alert in found]


def tally(**numbers: int) -> Tally:
    return Tally(**{**dict.fromkeys(Tally.__dataclass_fields__, 0), **numbers})


def test_a_condition_reads_the_runs_numbers_and_what_ran_once():
    conditions = ["run.completed >= 8", "fetch.complete", "run.rejected * 10 < run.staged"]
    assert broken(conditions, TALLY, {"fetch": {"complete": True}}) == ["run.rejected * 10 < run.staged: does not hold"]


def test_what_is_not_there_does_not_hold():
    [reason] = broken(["fetch.complete"], TALLY, {})
    assert reason.startswith("fetch.complete: ")


def test_a_usual_run_raises_nothing():
    assert alerts(TALLY, **{**USUAL, "earlier": (8, 8, 9)}) == []


def test_records_without_a_value_in_the_tables_raise_one_alert():
    found = alerts(tally(records=50, completed=50), **USUAL)
    assert found == [Alert(kind="nothing_saved", message="executed 50, saved 0: nothing was written for any record")]
    assert alerts(tally(records=50, completed=50), **{**USUAL, "saves": False}) == []


@pytest.mark.parametrize(("staged", "message"), [(0, "the source gave no row"), (7, "no record came of 7 staged rows")])
def test_a_source_that_gives_nothing_is_told_but_a_selection_may_find_nothing_new(staged, message):
    empty = tally(staged=staged)
    assert alerts(empty, **USUAL) == [Alert(kind="nothing_found", message=message)]
    assert alerts(empty, **{**USUAL, "selects": True}) == []


@pytest.mark.parametrize(
    ("completed", "earlier", "raised"),
    [
        (49, (100, 90, 110), ["sudden_drop"]),
        (50, (100, 90, 110), []),
        (1, (100, 90), []),
        (49, (100, 100, 2, 100), ["sudden_drop"]),
    ],
)
def test_less_than_half_of_the_median_is_a_sudden_drop(completed, earlier, raised):
    run = tally(records=completed, completed=completed, saved=completed)
    assert kinds(alerts(run, **{**USUAL, "earlier": earlier})) == raised
    assert alerts(run, **{**USUAL, "earlier": earlier, "narrowed": True}) == []
