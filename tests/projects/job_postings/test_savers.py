"""The savers write what they were given, cleaned, to the record's own rows, and say what they left out."""

import pytest

from wave_runner import Context
from wave_runner.actors.script_actor import Rejection
from wave_runner.core.outcome import Replace, Write
from wave_runner.projects.job_postings.actors.ihl_score_saver import BANDS, IhlScoreSaver
from wave_runner.projects.job_postings.actors.skills_saver import SkillsSaver
from wave_runner.projects.job_postings.actors.summary_saver import SummarySaver


def save(actor, **given):
    ctx = Context(record="42/External")
    output = actor().process(actor.Input.model_validate(given, strict=True), ctx)
    return output.model_dump(), ctx.writes


def rejection_of(actor, **given):
    with pytest.raises(Rejection) as rejected:
        save(actor, **given)
    return rejected.value.rule


def test_a_summary_is_saved_in_one_line():
    output, writes = save(SummarySaver, summary=" The ranger  leads\nwalks in the park. ")
    assert writes == [Write(table="postings", values={"summary": "The ranger leads walks in the park."})]
    assert output == {"characters": 35, "dropped_sentences": 0}


def test_a_summary_that_runs_in_circles_is_saved_once_round():
    output, writes = save(SummarySaver, summary="The ranger leads walks. It is fun. " * 4)
    assert writes[0].values == {"summary": "The ranger leads walks. It is fun."}
    assert output["dropped_sentences"] == 6


def test_a_sentence_cut_off_at_the_end_is_left_out():
    output, writes = save(SummarySaver, summary="The ranger leads walks. The ranger also loo")
    assert writes[0].values == {"summary": "The ranger leads walks."}
    assert output["dropped_sentences"] == 1


def test_the_only_sentence_is_kept_though_it_is_cut_off():
    _, writes = save(SummarySaver, summary="The ranger leads walks and also loo")
    assert writes[0].values == {"summary": "The ranger leads walks and also loo"}


@pytest.mark.parametrize("summary", ["", "   ", "Too short."])
def test_a_summary_of_which_too_little_is_left_is_rejected(summary):
    assert rejection_of(SummarySaver, summary=summary) == "summary_too_short"


def skills(*names):
    return [{"skill": name} for name in names]


def test_skills_are_saved_in_order_each_once():
    output, writes = save(
        SkillsSaver, skills=skills("SQL", "sql", " data analysis.", "Data Analysis", "n/a", "", "x" * 61)
    )
    rows = [{"skill": "SQL", "position": 1}, {"skill": "data analysis", "position": 2}]
    assert writes == [Replace(table="job_skills", rows=rows)]
    assert (output["received"], output["kept"]) == (7, 2)
    assert [entry["reason"] for entry in output["dropped"]] == [
        "repeated",
        "repeated",
        "placeholder",
        "empty",
        "too_long",
    ]


def test_short_names_of_skills_are_skills():
    _, writes = save(SkillsSaver, skills=skills("C", "C++", "R", ".NET"))
    assert [row["skill"] for row in writes[0].rows] == ["C", "C++", "R", ".NET"]


@pytest.mark.parametrize("names", [[], ["none", " "]])
def test_a_posting_of_which_no_skill_is_left_is_rejected(names):
    assert rejection_of(SkillsSaver, skills=skills(*names)) == "no_skills"


@pytest.mark.parametrize("verdict", BANDS)
def test_a_score_is_saved_with_its_verdict_up_to_the_edges_of_its_band(verdict):
    for score in BANDS[verdict]:
        flags = ["asks for an in-house system", "Asks for an in-house system", " "]
        output, writes = save(IhlScoreSaver, verdict=verdict, ihl_score=score, red_flags=flags)
        assert writes == [
            Write(
                table="postings",
                values={"ihl_score": score, "ihl_verdict": verdict, "red_flags": ["asks for an in-house system"]},
            )
        ]
        assert output["red_flags"] == 1


@pytest.mark.parametrize("verdict", BANDS)
def test_a_score_outside_its_verdicts_band_is_rejected(verdict):
    low, high = BANDS[verdict]
    for score in (low - 1, high + 1):
        assert rejection_of(IhlScoreSaver, verdict=verdict, ihl_score=score, red_flags=[]) == "score_outside_band"


def test_the_bands_cover_every_score_once():
    covered = [score for low, high in BANDS.values() for score in range(low, high + 1)]
    assert covered == list(range(101))


@pytest.mark.parametrize("wrong", [{"verdict": "MAYBE"}, {"ihl_score": "12"}, {"ihl_score": 12.5}, {"red_flags": None}])
def test_input_of_another_shape_is_refused(wrong):
    given = {"verdict": "GENUINE", "ihl_score": 12, "red_flags": []} | wrong
    with pytest.raises(ValueError, match="validation error"):
        IhlScoreSaver.Input.model_validate(given, strict=True)
