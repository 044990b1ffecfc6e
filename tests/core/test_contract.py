import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.contract import OutputContract, SchemaError, check_input, parse_answer
from wave_runner.core.outcome import Breach
from wave_runner.core.workflow import ActorKind, Step

SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"enum": ["GOOD", "BAD"]}, "score": {"type": "integer"}, "tags": {"type": "array"}},
    "required": ["verdict"],
    "oneOf": [
        {"properties": {"verdict": {"const": "GOOD"}, "score": {"maximum": 39}}},
        {"properties": {"verdict": {"const": "BAD"}, "score": {"minimum": 40}}},
    ],
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def contract(schema=SCHEMA) -> OutputContract:
    return OutputContract(json.dumps(schema).encode())


def step(*require: str) -> Step:
    return Step(name="summarise", line=1, actor="summariser", kind=ActorKind.AI_MODEL, require=require)


def test_input_that_meets_every_condition_passes():
    assert check_input(step("size(text) >= 3", "limit == null || limit > 0"), {"text": "abc", "limit": None}) is None


@pytest.mark.parametrize(
    ("text", "rule", "words"),
    [
        ("ab", "require", "text is 'ab'"),
        ("", "require", "does not hold"),
        (None, "null_input", "text is null"),
        (3, "condition_error", "text is 3"),
    ],
)
def test_input_that_breaks_a_condition_is_named_with_its_value(text, rule, words):
    breach = check_input(step("size(text) >= 100"), {"text": text})
    assert isinstance(breach, Breach)
    assert (breach.rule, breach.retry) == (rule, False)
    assert words in breach.message
    assert "size(text) >= 100" in breach.message


def test_a_long_text_does_not_end_up_in_the_message():
    breach = check_input(step("size(text) < 3"), {"text": "secret " * 1000})
    assert breach is not None
    assert "a text of 7000 characters" in breach.message


def test_output_that_fits_its_schema_passes():
    assert contract().check({"verdict": "GOOD", "score": 39}) is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, '$: "verdict" is a required property'),
        ([], '$: the value is not of type "object" ([])'),
        ({"verdict": "UGLY"}, '$.verdict: the value is not one of "GOOD" or "BAD" ("UGLY")'),
        ({"verdict": "GOOD", "tags": 3}, '$.tags: the value is not of type "array" (3)'),
    ],
)
def test_output_that_breaks_its_schema_is_named_with_path_and_value(value, message):
    breach = contract().check(value)
    assert breach is not None
    assert breach.rule == "output_schema"
    assert message in breach.message


def test_the_branch_that_the_output_means_explains_the_breach():
    breach = contract().check({"verdict": "GOOD", "score": 45})
    assert breach is not None
    assert breach.message == "$.score: the value is greater than the maximum of 39 (45)"


def test_a_long_value_is_shortened_in_the_message():
    breach = contract({"maxLength": 10}).check("x" * 100_000)
    assert breach is not None
    assert len(breach.message) < 200
    assert "100002 characters" in breach.message


def test_whether_another_try_may_help_is_the_caller_s_word():
    for retry in (True, False):
        breach = contract().check({}, retry=retry)
        assert breach is not None
        assert breach.retry is retry


@pytest.mark.parametrize("value", [{"verdict": "a\0"}, {"a": [{"b": "\ud800"}]}, {"\0": 1}])
def test_text_that_no_database_can_hold_is_a_breach_of_its_own(value):
    breach = contract({}).check(value)
    assert breach is not None
    assert breach.rule == "unstorable_text"


def test_output_nested_deeper_than_can_be_checked_is_a_breach():
    value: list = []
    for _ in range(100_000):
        value = [value]
    breach = contract({"items": {"$ref": "#"}, "type": "array"}).check(value)
    assert breach is not None
    assert "nested deeper than 200 levels" in breach.message


@given(json_values)
def test_any_output_passes_the_empty_schema_unless_it_cannot_be_stored(value):
    assert (contract({}).check(value) is None) == ("\\u0000" not in json.dumps(value).replace("\\\\", ""))


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (b"{", "is not JSON"),
        (b"[]", 'not of types "boolean", "object"'),
        (b'{"properties": {"a": {"minLength": "x"}}}', "$.properties.a.minLength"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"$ref": "http://127.0.0.1:9/schema"}', "Retrieval is disabled"),
        (b'{"$ref": "#/nowhere"}', "does not exist"),
        (b'{"pattern": "("}', '$.pattern: the value is not a "regex"'),
    ],
)
def test_bytes_that_are_no_schema_are_refused(schema, message):
    with pytest.raises(SchemaError) as caught:
        OutputContract(schema)
    assert message in str(caught.value)


def test_a_model_s_answer_is_read_as_one_json_document():
    assert parse_answer(' {"a": 1}\n') == {"a": 1}
    assert parse_answer('{"a": "x\ud800"}') == {"a": "x�"}


@pytest.mark.parametrize(
    "text", ["", "I think {}", '{"a": 1,}', '{"a": 1', "{} {}", '{"a": NaN}', '["a\0"]', "```json\n{}\n```"]
)
def test_an_answer_that_is_no_json_is_a_breach_worth_another_try(text):
    breach = parse_answer(text)
    assert isinstance(breach, Breach)
    assert (breach.rule, breach.retry) == ("invalid_json", True)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ('{"a":1,"a":2}', "duplicate_key"),
        ("Error: rate limit exceeded", "provider_error"),
        ("<html><head><title>503 Service Unavailable</title></head></html>", "provider_error"),
        ("\x1b[31mmodel not found\x1b[0m", "provider_error"),
        ("I'm sorry, but I can't help with that.", "refusal"),
    ],
)
def test_an_answer_that_is_no_answer_is_named_for_what_it_is(text, rule):
    breach = parse_answer(text)
    assert isinstance(breach, Breach)
    assert (breach.rule, breach.retry) == (rule, True)


def test_a_contract_knows_the_fields_and_the_texts_that_its_schema_names():
    assert contract().fields == {"verdict", "score", "tags"}
    assert contract().listed == {"GOOD", "BAD"}
    assert contract(True).listed == frozenset()
