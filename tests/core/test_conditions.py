import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.conditions import MAX_CHARACTERS, Condition, ConditionError, condition, in_words


@pytest.mark.parametrize(
    ("text", "variables", "answer"),
    [
        ("size(text) >= 3", {"text": "abc"}, True),
        ("size(text) >= 3", {"text": "ab"}, False),
        ("size(text) == 2 && text.size() == 2 && size('é') == 1", {"text": "日é"}, True),
        ("texts.exists(one, size(one) == 1) && size(texts) == 2", {"texts": ["日", "ab"]}, True),
        ("text == 'size(1)'", {"text": "size(1)"}, True),
        ("record.summary != null", {"record": {"summary": None}}, False),
        ("record.summary != null", {"record": {"summary": ""}}, True),
        ("params.review && output.score > 40", {"params": {"review": True}, "output": {"score": 41}}, True),
        ("skills.exists(s, s == 'SQL')", {"skills": ["Excel", "SQL"]}, True),
        ("score > 0.5", {"score": 1}, True),
    ],
)
def test_a_condition_is_decided_from_its_variables(text, variables, answer):
    assert Condition(text).holds(variables) is answer


def test_count_asks_how_many_rows_a_table_has():
    many = Condition("count(job_skills) >= 2 && count( public.tags ) == 0")
    assert many.tables == {"job_skills", "public.tags"}
    assert many.names == frozenset()
    assert many.holds({}, {"job_skills": 2, "public.tags": 0})
    assert not many.holds({}, {"job_skills": 1, "public.tags": 0})


def test_a_count_inside_a_text_is_text():
    quoted = Condition("note == 'count(tags)' || note == \"record.x\"")
    assert quoted.tables == frozenset()
    assert quoted.names == {"note"}
    assert quoted.members("record") == frozenset()
    assert quoted.holds({"note": "count(tags)"})


def test_names_that_a_condition_binds_itself_are_not_asked_for():
    assert Condition("skills.all(s, s != other)").names == {"skills", "other"}


def test_members_are_the_fields_read_of_one_variable():
    assert Condition("record.a > 1 && other.record.c == record.b").members("record") == {"a", "b"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 +", "is no CEL: at character"),
        ("", "is no CEL"),
        ("sise(text) > 1", 'did you mean "size"?'),
        ("count(1)", "takes the name of one table"),
        ("count(a, b)", "takes the name of one table"),
        ("(" * 100_000, "too long"),
    ],
)
def test_a_text_that_is_no_condition_is_refused_at_once(text, message):
    with pytest.raises(ConditionError) as caught:
        Condition(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "variables", "message"),
    [
        ("size(text) > 1", {}, "reads text, which is not there"),
        ("count(tags) > 1", {}, "reads tags, which is not there"),
        ("size(text) > 1", {"text": None}, "(text is null)"),
        ("text", {"text": "yes"}, "gives 'yes'; a condition gives true or false"),
        ("record.x > 1", {"record": {}}, "there is no 'x'"),
        ("text == 'a'", {"text": "\ud800"}, "cannot be decided"),
        ("text == 'a'", {"text": object()}, "cannot be decided"),
    ],
)
def test_a_condition_without_an_answer_says_why(text, variables, message):
    with pytest.raises(ConditionError) as caught:
        Condition(text).holds(variables)
    assert message in str(caught.value)


def test_a_condition_is_compiled_once():
    assert condition("size(text) > 1") is condition("size(text) > 1")


@given(st.text(max_size=MAX_CHARACTERS))
def test_any_text_is_a_condition_or_a_clear_error(text):
    try:
        compiled = Condition(text)
    except ConditionError:
        return
    assert compiled.text == text


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner)))
def test_no_value_makes_a_long_message(value):
    assert len(in_words(value)) <= 60
