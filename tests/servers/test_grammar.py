"""Whatever the grammar of a schema can produce is valid under the schema, and compact."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.gbnf import Grammar

from wave_runner.servers.grammar import compact_grammar

names = st.text('abcXYZ_ é"\\', min_size=1, max_size=6)
bounds = st.integers(-2000, 2000)
PATTERNS = [
    "^[A-Z][a-z]{0,5}$",
    "^[A-Za-z0-9 .+#/-]{1,24}$",
    r"^\d{4}-\d\d?$",
    r"^[^\"\\a-y]+$",
    r"^a\.b\"?[\]\^x]*$",
    "^é{2}[!-~]{3}.$",
    r"^\w+ \s?$",
]


ARRAY = {"type": "array", "items": {"type": "null"}}


def whole(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    keywords = {"minimum": bounds, "maximum": bounds, "exclusiveMinimum": bounds, "exclusiveMaximum": bounds}
    return st.fixed_dictionaries({"type": st.just(kind)}, optional=keywords)


def fractions() -> st.SearchStrategy[dict[str, Any]]:
    point = st.floats(-50, 50, allow_nan=False).map(lambda value: round(value, 2))
    keywords = {"minimum": point, "maximum": point, "exclusiveMinimum": point, "exclusiveMaximum": point}
    return st.fixed_dictionaries({"type": st.just("number")}, optional=keywords)


def strings() -> st.SearchStrategy[dict[str, Any]]:
    keywords = {
        "minLength": st.integers(0, 8),
        "maxLength": st.one_of(st.integers(0, 40), st.just(2500)),
        "pattern": st.sampled_from(PATTERNS),
    }
    return st.fixed_dictionaries({"type": st.just("string")}, optional=keywords)


def listed() -> st.SearchStrategy[dict[str, Any]]:
    values = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), names, st.lists(names, max_size=2))
    return st.one_of(
        st.fixed_dictionaries({"enum": st.lists(values, min_size=1, max_size=4)}),
        st.fixed_dictionaries({"const": values}),
        st.fixed_dictionaries(
            {"enum": st.lists(values, min_size=1, max_size=4), "type": st.sampled_from(["string", "integer"])}
        ),
    )


def objects(children: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    def build(properties: dict[str, Any], chosen: set[int], closed: bool) -> dict[str, Any]:
        required = [name for index, name in enumerate(properties) if index in chosen]
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": not closed}

    properties = st.dictionaries(names, children, min_size=1, max_size=4)
    return st.builds(build, properties, st.sets(st.integers(0, 3), min_size=1), st.booleans())


def arrays(children: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    keywords = {"minItems": st.integers(0, 3), "maxItems": st.integers(0, 5)}
    return st.fixed_dictionaries({"type": st.just("array"), "items": children}, optional=keywords)


def unions(children: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    several = st.lists(children, min_size=1, max_size=3)
    kinds = st.lists(st.sampled_from(["string", "null", "integer", "number"]), min_size=1, max_size=3, unique=True)
    return st.one_of(
        st.builds(lambda branches: {"anyOf": branches}, several),
        st.builds(lambda branches: {"oneOf": branches}, several),
        st.builds(lambda kind, high: {"type": kind, "maxLength": high, "title": "either"}, kinds, st.integers(0, 9)),
    )


plain = st.one_of(
    whole("integer"), fractions(), strings(), listed(), st.sampled_from([{"type": "boolean"}, {"type": "null"}])
)
schemas = st.recursive(
    plain, lambda children: st.one_of(objects(children), arrays(children), unions(children)), max_leaves=6
)


@settings(max_examples=250, deadline=None)
@given(schemas, st.integers(0, 2**32), st.booleans())
def test_every_text_of_a_grammar_is_valid_and_compact(schema: dict[str, Any], seed: int, unicode: bool):
    grammar = compact_grammar(schema, unicode=unicode)
    if grammar is None:
        return
    rng, validator = random.Random(seed), jsonschema_rs.validator_for(schema)
    for _ in range(5):
        text = Grammar(grammar).sample(rng)
        value = json.loads(text)
        assert validator.is_valid(value), (schema, text)
        text.encode("utf-8")


def whole_numbers(low: int, high: int) -> set[int]:
    """Return the whole numbers that the grammar of these bounds is seen to produce."""
    grammar = compact_grammar({"type": "integer", "minimum": low, "maximum": high})
    assert grammar is not None
    rng, made = random.Random(0), Grammar(grammar)
    return {int(made.sample(rng)) for _ in range(60 * (high - low + 1))}


@pytest.mark.parametrize(("low", "high"), [(0, 0), (0, 39), (40, 69), (90, 100), (-12, 7), (95, 123), (-205, -195)])
def test_every_whole_number_within_the_bounds_can_be_said(low: int, high: int):
    assert whole_numbers(low, high) == set(range(low, high + 1))


def test_an_answer_holds_its_properties_in_order_and_no_white_space_between_tokens():
    schema = {
        "type": "object",
        "properties": {
            "why": {"enum": ["x"]},
            "score": {"const": 7},
            "tags": {"type": "array", "items": {"const": 1}, "maxItems": 2},
        },
        "required": ["score", "why"],
    }
    grammar = compact_grammar(schema)
    assert grammar is not None
    texts = {Grammar(grammar).sample(random.Random(seed)) for seed in range(200)}
    assert texts == {
        '{"why":"x","score":7}',
        '{"why":"x","score":7,"tags":[]}',
        '{"why":"x","score":7,"tags":[1]}',
        '{"why":"x","score":7,"tags":[1,1]}',
    }


def test_strings_are_ascii_unless_unicode_is_asked_for():
    schema = {"type": "string", "minLength": 200, "maxLength": 200}
    ascii_only, any_text = compact_grammar(schema), compact_grammar(schema, unicode=True)
    assert ascii_only is not None
    assert any_text is not None
    assert Grammar(ascii_only).sample(random.Random(1)).isascii()
    assert not Grammar(any_text).sample(random.Random(1)).isascii()


def test_long_texts_are_put_together_from_repetitions_the_engine_accepts():
    grammar = compact_grammar({"type": "string", "minLength": 1500, "maxLength": 4000})
    assert grammar is not None
    assert "{1000}" in grammar
    lengths = {len(json.loads(Grammar(grammar).sample(random.Random(seed)))) for seed in range(30)}
    assert min(lengths) >= 1500
    assert max(lengths) == 4000


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        {"type": "object", "properties": {"a": {"type": "null"}}},
        {"type": "object", "properties": {}, "required": ["a"]},
        {"type": "object", "properties": {"a": {"type": "null"}}, "required": ["a"], "minProperties": 1},
        {"type": "array"},
        {"type": "array", "items": {"type": "null"}, "prefixItems": [{"type": "null"}]},
        {"type": "string", "pattern": "[a-z]+"},
        {"type": "string", "pattern": "^(a|b)$"},
        {"type": "string", "pattern": r"^\p{L}$"},
        {"type": "string", "pattern": "^[a-z]+[0-9]+$", "maxLength": 5},
        {"type": "string", "maxLength": 10**6},
        {"type": "integer", "multipleOf": 3},
        {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        {"type": "integer", "minimum": 5, "maximum": 4},
        {"$ref": "#/$defs/a"},
        {"enum": []},
        {"oneOf": [{"type": "integer"}, {"type": "number"}]},
        {"anyOf": [{"type": "null"}], "type": "null"},
        {"not": {"type": "null"}},
    ],
)
def test_what_the_subset_cannot_say_is_left_to_the_server(schema: dict[str, Any]):
    assert compact_grammar(schema) is None


def test_the_schemas_of_the_shipped_projects_are_within_the_subset():
    projects = Path(__file__).parents[2] / "src/wave_runner/projects"
    schemas = {*projects.glob("*/schemas/*.json")} - {projects / "job_postings/schemas/seen_before.json"}
    for path in sorted(schemas):
        name, schema = path.stem, json.loads(path.read_text("utf-8"))
        grammar = compact_grammar(schema)
        assert grammar is not None, name
        for seed in range(50):
            assert jsonschema_rs.is_valid(schema, json.loads(Grammar(grammar).sample(random.Random(seed))))


def test_bounds_on_the_length_tighten_the_one_part_of_a_pattern_that_can_vary():
    schema = {"type": "string", "pattern": "^[A-Z][a-z]*$", "minLength": 3, "maxLength": 5}
    grammar = compact_grammar(schema)
    assert grammar is not None
    assert {len(Grammar(grammar).sample(random.Random(seed))) - 2 for seed in range(60)} == {3, 4, 5}


@pytest.mark.parametrize(
    ("of", "least", "most"), [({"type": "string"}, "minLength", "maxLength"), (ARRAY, "minItems", "maxItems")]
)
def test_a_length_written_with_a_point_is_the_same_length(of: dict[str, Any], least: str, most: str):
    assert compact_grammar(of | {least: 2.0, most: 3.0}) == compact_grammar(of | {least: 2, most: 3})
    assert compact_grammar(of | {least: 2, most: 3}) is not None


def test_a_number_keeps_to_its_bounds_on_both_sides_of_zero():
    grammar = compact_grammar({"type": "number", "minimum": -2.5, "exclusiveMaximum": 2})
    assert grammar is not None
    values = {json.loads(Grammar(grammar).sample(random.Random(seed))) for seed in range(400)}
    assert min(values) < -1
    assert min(values) >= -2
    assert 1 < max(values) < 2
    assert any(-1 < value < 0 for value in values)
