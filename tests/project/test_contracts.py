"""A step's contract as it is read: `min_chars`, `optional`, `guards`, `accept`, and their mistakes with the line."""

from __future__ import annotations

import dataclasses

import pytest
from tests.support.small_project import WORKFLOW, write_project

from wave_runner.core.workflow import MODEL_GUARDS, Guards, InputRef
from wave_runner.errors import ProjectError
from wave_runner.project.load import load_project

OUTPUT = "    output: schemas/verdict.json\n"


def steps(folder, *changes: tuple[str, str]):
    text = WORKFLOW
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    write_project(folder)
    (folder / "workflows/work.yaml").write_text(text)
    return load_project(folder).workflows["work"].steps


def judge(folder, lines: str):
    return steps(folder, (OUTPUT, OUTPUT + lines))["judge"]


def test_a_model_has_every_guard_and_another_actor_the_one_that_needs_nothing(tmp_path):
    read = steps(tmp_path)
    assert read["judge"].guards == MODEL_GUARDS
    assert read["save"].guards == Guards()
    turned_on = {name for name, value in dataclasses.asdict(Guards()).items() if value}
    assert turned_on == {"inconsistent_outcome"}
    assert all(dataclasses.asdict(MODEL_GUARDS).values())


def test_a_guard_is_turned_off_on_or_bound_and_the_others_stay(tmp_path):
    lines = "    guards: {refusal: off, echo: on, too_fast: {tokens_per_s: 400}, same_text: off}\n"
    assert judge(tmp_path, lines).guards == dataclasses.replace(MODEL_GUARDS, refusal=False, too_fast=400, same_text=0)


def test_a_script_may_have_the_guards_that_need_no_prompt(tmp_path):
    save = steps(
        tmp_path, ("    writes: [items", "    guards: {empty: on, same_text: on, repetition: on}\n    writes: [items")
    )
    assert save["save"].guards == Guards(empty=True, same_text=MODEL_GUARDS.same_text, repetition=True)


def test_an_input_says_how_long_it_must_be_and_whether_it_may_be_nothing(tmp_path):
    read = steps(
        tmp_path,
        ("max_chars: 100}", "max_chars: 100, min_chars: 20}"),
        ("title: record.title", "title: {from: record.title, optional: true}"),
    )
    assert read["judge"].input["text"] == InputRef(sources=("record.text",), max_chars=100, min_chars=20)
    assert read["judge"].input["title"] == InputRef(sources=("record.title",), optional=True)


def test_what_an_answer_must_hold_is_a_condition_or_a_list_of_them(tmp_path):
    assert judge(tmp_path, "    accept: output.verdict != ''\n").accept == ("output.verdict != ''",)
    lines = (
        "    accept:\n      - size(output.why) <= size(input.text)\n      - params.review || output.verdict == 'GOOD'\n"
    )
    assert len(judge(tmp_path, lines).accept) == 2


# Lines behind `output` of the step `judge`, whose own number is 19; the line at fault, what is said, the hint.
MISTAKES = [
    ("guards: off", 20, "must be keys with values, not 'off'", ""),
    ("guards: {refusals: off}", 20, "unknown key `refusals` in `steps.judge.guards`", '"refusal"'),
    ("guards:\n      refusal: off\n      echo: no", 22, "the guard `echo` must be on or off, not 'no'", ""),
    ("guards: {echo: false}", 20, "must be on or off, not false", ""),
    ("guards: {echo: {characters: 3}}", 20, "must be on or off, not keys with values", ""),
    ("guards: {too_fast: 400}", 20, "must be on, off or {tokens_per_s: NUMBER}, not 400", ""),
    ("guards: {too_fast: {tokens: 400}}", 20, "unknown key `tokens`", '"tokens_per_s"'),
    ("guards: {too_fast: {}}", 20, "needs `tokens_per_s`", ""),
    ("guards: {too_fast: {tokens_per_s: 0}}", 20, "at least 1, not 0", ""),
    ("guards: {same_text: {records: 1}}", 20, "at least 2", ""),
    ("accept: 3", 20, "must be a text or a list of texts", ""),
    ("accept: [output.verdict ==]", 20, "is no CEL", ""),
    ("accept:\n      - output.verdict != ''\n      - otput.verdict != ''", 22, "reads `otput`", '"output"'),
    ("accept: record.title != ''", 20, "reads `record`, which is not `params`, `input` or `output`", ""),
    ("accept: output.verdit != ''", 20, "there is no `output.verdit`", '"verdict"'),
    ("accept: size(input.txt) > 3", 20, "there is no `input.txt`", '"text"'),
    ("accept: params.revew", 20, "there is no `params.revew`", '"review"'),
    ("acept: output.verdict != ''", 20, "unknown key `acept`", '"accept"'),
]


@pytest.mark.parametrize(("lines", "line", "message", "hint"), MISTAKES)
def test_a_mistake_in_a_contract_is_named_with_its_line(tmp_path, lines, line, message, hint):
    with pytest.raises(ProjectError) as caught:
        judge(tmp_path, f"    {lines}\n")
    assert message in caught.value.message
    assert caught.value.line == line
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ("max_chars: 100, min_chars: 101}", "min_chars 101 is more than max_chars 100 leaves"),
        ("max_chars: 100, min_chars: 0}", "at least 1, not 0"),
        ("max_chars: 100, optional: maybe}", "must be true or false"),
        ("max_chars: 100, min_char: 3}", "unknown key `min_char`"),
    ],
)
def test_a_mistake_in_an_input_is_named_with_its_line(tmp_path, new, message):
    with pytest.raises(ProjectError) as caught:
        steps(tmp_path, ("max_chars: 100}", new))
    assert message in caught.value.message
    assert caught.value.line == 17


@pytest.mark.parametrize("guard", ["echo", "injection", "too_fast"])
def test_a_guard_about_a_models_prompt_is_refused_where_no_model_is_asked(tmp_path, guard):
    with pytest.raises(ProjectError, match=f"the guard `{guard}` is about what a model is asked") as caught:
        steps(tmp_path, ("    writes: [items", f"    guards: {{{guard}: on}}\n    writes: [items"))
    assert caught.value.line == 32


def test_a_guard_that_compares_records_is_refused_where_there_is_none(tmp_path):
    with pytest.raises(ProjectError, match="`fetch` runs once per run") as caught:
        steps(tmp_path, ("    once: true\n", "    once: true\n    guards: {same_text: on}\n"))
    assert caught.value.line == 10
