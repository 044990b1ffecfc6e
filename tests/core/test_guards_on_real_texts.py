"""No guard takes a real text for a mistake: postings as inputs, and as if a model had written them."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from wave_runner.core.guards import Asked, check_answer, check_values
from wave_runner.core.injection import suspected
from wave_runner.core.outcome import Usage
from wave_runner.core.workflow import MODEL_GUARDS, ActorKind, InputRef, Step

SMALL = Path(__file__).parents[1] / "data" / "nyc"
LARGE = Path(os.environ.get("WAVE_TEST_DATA") or "/nowhere") / "nyc-jobs"
NOT_THERE = "set WAVE_TEST_DATA to a folder that holds nyc-jobs"
STEP = Step(
    name="ask",
    line=1,
    actor="judge",
    kind=ActorKind.AI_MODEL,
    guards=MODEL_GUARDS,
    input={"text": InputRef(sources=("record.text",))},
)


def postings(folder: Path) -> Iterator[dict[str, object]]:
    for page in sorted(folder.rglob("nycjobs*.json.gz")):
        yield from json.loads(gzip.decompress(page.read_bytes()).decode("utf-8-sig"))["value"]


@pytest.fixture(params=["small", pytest.param("large", marks=pytest.mark.big_data)])
def values(request: pytest.FixtureRequest) -> list[object]:
    """Every value of every field of every posting."""
    if request.param == "large" and not LARGE.is_dir():
        pytest.skip(NOT_THERE)
    return [value for posting in postings(SMALL if request.param == "small" else LARGE) for value in posting.values()]


def test_as_inputs_only_those_are_stopped_that_are_empty(values: list[object]):
    said = Counter[str]()
    for value in values:
        breach = check_values(STEP, {"text": value})
        if breach is not None:
            said[breach.rule] += 1
            assert value is None or str(value).strip() == ""
    assert said == {
        rule: n
        for rule, n in {
            "null_input": sum(value is None for value in values),
            "empty": sum(isinstance(value, str) and not value.strip() for value in values),
        }.items()
        if n
    }
    assert said["null_input"] + said["empty"] > 0


def test_as_answers_none_is_taken_for_a_loop_a_refusal_or_an_error(values: list[object]):
    asked = Asked(input={}, params={}, prompt="Clean this text.", template="clean this text.")
    texts = {value for value in values if isinstance(value, str)}
    assert {text: hit for text in texts if (hit := check_answer(MODEL_GUARDS, {"text": text}, Usage(), asked))} == {}


def test_none_is_suspected_of_speaking_to_a_model(values: list[object]):
    assert {text: kinds for text in {str(value) for value in values} if (kinds := suspected(text))} == {}
