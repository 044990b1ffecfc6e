"""Every rule refuses what it is for and lets the rest pass; what passes is clean."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.projects.job_postings.actors.checks import Accepted, Refused, check

NYC = Path(__file__).parents[2] / "data/nyc"

GOOD = {
    "id": "guid-1",
    "job_id": "42",
    "agency": "DEPT OF PARKS",
    "posting_type": "External",
    "business_title": "Park Ranger",
    "job_description": "Rangers lead walks, look after trails and help visitors. " * 3,
    "salary_range_from": 40000,
    "salary_range_to": 50000,
    "salary_frequency": "Annual",
    "num_of_positions": 2,
    "posting_date": "2014-10-21T07:00:00Z",
}


def refused(**changes):
    found = check(GOOD | changes)
    assert isinstance(found, Refused), found
    return {(error["rule"], error["field"]) for error in found.errors}


def accepted(**changes):
    found = check(GOOD | changes)
    assert isinstance(found, Accepted), found
    return found.values


def test_a_good_row_is_accepted_under_its_key():
    found = check(GOOD)
    assert isinstance(found, Accepted)
    assert found.key == "42/External"
    assert found.values["title"] == "Park Ranger"
    assert found.values["posted_at"] == "2014-10-21T07:00:00+00:00"


@pytest.mark.parametrize("file", sorted(NYC.glob("*.gz")), ids=lambda file: file.name)
def test_real_rows_of_both_exports_are_accepted(file):
    for row in json.loads(gzip.decompress(file.read_bytes()).decode("utf-8-sig"))["value"]:
        found = check(row)
        assert isinstance(found, Accepted), found
        assert found.values["open_until"] is None
        assert found.values["hours_per_shift"] is None


@pytest.mark.parametrize(
    ("description", "rule"),
    [
        (None, "null_input"),
        ("", "empty"),
        ("  \t\n ", "empty"),
        ("<p>&nbsp;</p>", "empty"),
        ("None", "placeholder"),
        (" n/a. ", "placeholder"),
        ("TBD", "placeholder"),
        ("null", "placeholder"),
        ("***", "placeholder"),
        ("x" * 99, "too_short"),
        ("Apply within, please", "too_short"),
        ("a" + " " * 200 + "b", "too_short"),
        (["a list"], "not_a_text"),
        (True, "not_a_text"),
    ],
)
def test_a_description_breaks_the_first_of_its_rules(description, rule):
    assert refused(job_description=description) == {(rule, "job_description")}


def test_a_description_of_exactly_the_shortest_length_is_enough():
    assert accepted(job_description="x" * 100)["description"] == "x" * 100


@pytest.mark.parametrize("field", ["job_id", "posting_type", "business_title", "agency", "job_description"])
def test_a_required_field_that_is_missing_is_named(field):
    row = {name: value for name, value in GOOD.items() if name != field}
    found = check(row)
    assert isinstance(found, Refused)
    assert [(error["rule"], error["field"]) for error in found.errors] == [("null_input", field)]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"posting_type": "Secret"}, "unknown_value"),
        ({"salary_frequency": "Weekly"}, "unknown_value"),
        ({"salary_range_from": "a lot"}, "bad_number"),
        ({"salary_range_from": -1}, "bad_number"),
        ({"salary_range_to": 1e400}, "bad_number"),
        ({"salary_range_from": True}, "bad_number"),
        ({"salary_range_from": [1]}, "bad_number"),
        ({"salary_range_from": "9" * 5000}, "bad_number"),
        ({"num_of_positions": "9" * 5000}, "bad_number"),
        ({"salary_range_to": "1e999"}, "bad_number"),
        ({"num_of_positions": 1.5}, "bad_number"),
        ({"num_of_positions": 0}, "bad_number"),
        ({"salary_range_from": 50001}, "salary_range"),
        ({"posting_date": "yesterday"}, "bad_date"),
        ({"posting_date": "2015-02-30"}, "bad_date"),
        ({"posting_date": 20150230}, "bad_date"),
        ({"posting_date": "20155-01-01T00:00:00Z"}, "bad_date"),
        ({"posting_date": "0001-01-01T00:00:00+14:00"}, "bad_date"),
        ({"posting_date": "1015-01-01"}, "bad_date"),
        ({"job_id": "9" * 101}, "too_long"),
        ({"work_location": {"city": "New York"}}, "not_a_text"),
    ],
)
def test_a_wrong_value_is_refused_by_its_rule(changes, rule):
    (field,) = changes
    assert refused(**changes) == {(rule, field)}


def test_every_wrong_field_is_recorded_not_only_the_first():
    assert refused(business_title=None, job_description="short", posting_date="?") == {
        ("null_input", "business_title"),
        ("too_short", "job_description"),
        ("bad_date", "posting_date"),
    }


@pytest.mark.parametrize("text", ["nul \0 byte", "lone \ud800 surrogate"])
@pytest.mark.parametrize(
    "place",
    [
        lambda text: {"to_apply": text},
        lambda text: {"tags": [{"deep": [text]}]},
        lambda text: {text: 1},
        lambda text: {"tags": [{text: 1}]},
    ],
)
def test_text_that_no_column_can_store_is_refused_wherever_it_is(text, place):
    found = check(GOOD | place(text))
    assert isinstance(found, Refused)
    assert [error["rule"] for error in found.errors] == ["unstorable_text"]


@pytest.mark.parametrize(
    ("raw", "rule"),
    [("no JSON \0 \ud800", "invalid_json"), ([1], "not_an_object"), (None, "not_an_object"), (7, "not_an_object")],
)
def test_what_is_no_object_is_refused(raw, rule):
    found = check(raw)
    assert isinstance(found, Refused)
    assert found.errors[0]["rule"] == rule


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*GOOD, "geo_location", "post_until", "to_apply"]), json_values))
def test_whatever_comes_is_decided_and_the_decision_can_be_stored(changes):
    found = check(GOOD | changes)
    stored = found.values if isinstance(found, Accepted) else found.errors
    text = json.dumps(stored, allow_nan=False, ensure_ascii=False)
    text.encode("utf-8")  # fails on a lone surrogate
    assert "\\u0000" not in text
    assert isinstance(found, Accepted) or found.errors


def test_hostile_nesting_is_no_crash():
    nested = {}
    for _ in range(100_000):
        nested = {"inner": nested}
    accepted(extra=nested)


def test_hostile_but_storable_text_is_kept():
    assert accepted(business_title="A \"quote\", a \\ and\na 'new' line; DROP TABLE")["title"] == (
        "A \"quote\", a \\ and\na 'new' line; DROP TABLE"
    )


@pytest.mark.parametrize(
    ("written", "read"), [("$56,937.50", 56937.5), ("56937", 56937), (17.3, 17.3), (None, None), ("", None)]
)
def test_numbers_are_read_as_they_are_written(written, read):
    assert accepted(salary_range_from=written, salary_range_to=60000)["salary_from"] == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2014-10-21T07:00:00+00:00", "2014-10-21T07:00:00+00:00"),
        ("2014-10-21T07:00:00Z", "2014-10-21T07:00:00+00:00"),
        ("2014-10-21T03:00:00-04:00", "2014-10-21T07:00:00+00:00"),
        ("2014-10-21", "2014-10-21T00:00:00+00:00"),
        ("1900-01-01T01:00:00Z", None),
        (None, None),
        ("", None),
    ],
)
def test_dates_of_both_exports_become_one_form(written, read):
    assert accepted(post_until=written)["open_until"] == read


@pytest.mark.parametrize(
    ("point", "place"),
    [
        ([40.7, -74.0], (40.7, -74.0)),
        ([-74.0, 40.7], (40.7, -74.0)),
        ([0.0, 0.0], (None, None)),
        ([400, -74], (None, None)),
        ([10**400, -74], (None, None)),
        (["40.7", "-74"], (None, None)),
        (None, (None, None)),
    ],
)
def test_swapped_coordinates_are_put_right_and_senseless_ones_dropped(point, place):
    values = accepted(geo_location={"type": "Point", "coordinates": point})
    assert (values["latitude"], values["longitude"]) == place


def test_an_enumerated_value_is_known_in_any_case():
    assert accepted(posting_type="EXTERNAL")["posting_type"] == "External"


def test_a_number_can_be_an_identifier():
    assert accepted(job_id=42)["job_id"] == "42"
