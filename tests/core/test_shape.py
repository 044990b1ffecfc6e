import pytest

from wave_runner.core import shape

BANDS = {
    "type": "object",
    "properties": {"score": {"type": "integer"}},
    "oneOf": [
        {"properties": {"verdict": {"const": "LOW"}, "score": {"maximum": 49}}},
        {"properties": {"verdict": {"const": "HIGH"}, "score": {"minimum": 50}}},
    ],
}


def test_fields_are_those_of_the_schema_and_of_its_branches():
    assert set(shape.fields(BANDS) or ()) == {"score", "verdict"}


@pytest.mark.parametrize("schema", [True, {}, {"type": "object"}, None, {"$ref": "#/$defs/none"}])
def test_a_schema_without_fields_leaves_them_open(schema):
    assert shape.fields(schema) is None


def test_references_within_the_file_are_followed():
    schema = {"$ref": "#/$defs/answer", "$defs": {"answer": {"properties": {"v": {"$ref": "#/$defs/v"}}}}}
    schema["$defs"]["v"] = {"enum": ["A", "B"]}
    assert shape.values(schema, "v") == ["A", "B"]


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ({"enum": ["A", "B"]}, ["A", "B"]),
        ({"const": "A"}, ["A"]),
        ({"oneOf": [{"const": "A"}, {"const": "B"}]}, ["A", "B"]),
        ({"anyOf": [{"const": "A"}, {"type": "string"}]}, None),
        ({"type": "string"}, None),
    ],
)
def test_the_values_of_a_field_are_listed_where_the_schema_lists_them(field, values):
    assert shape.values({"properties": {"v": field}}, "v") == values


def test_the_branches_of_a_schema_name_the_values_together():
    assert shape.values(BANDS, "verdict") == ["LOW", "HIGH"]


def test_a_schema_that_refers_to_itself_ends():
    schema = {"properties": {"v": {"$ref": "#"}}, "allOf": [{"$ref": "#"}]}
    assert shape.fields(schema) == {"v": {"$ref": "#"}}
    assert shape.values(schema, "v") is None
    assert shape.fields({"$ref": "#"}) is None


def test_the_texts_that_a_schema_names_are_found_wherever_they_stand():
    schema = {
        "properties": {"a": {"items": {"enum": ["x", 1, None]}}, "enum": {"const": "y"}},
        "oneOf": [{"const": "z"}],
    }
    assert shape.literals(schema) == {"x", "y", "z"}
    assert shape.literals(True) == frozenset()


def test_the_types_of_a_field_are_known_only_if_every_branch_states_them():
    stated = {"properties": {"a": {"type": "integer"}}}
    assert shape.types({"oneOf": [stated, {"properties": {"a": {"type": ["string", "null"]}}}]}, "a") == {
        "integer",
        "string",
        "null",
    }
    assert shape.types({"oneOf": [stated, {"properties": {"a": {"const": "x"}}}]}, "a") is None
    assert shape.types(stated, "b") is None
