import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.params import resolve_params
from wave_runner.core.workflow import Param, Workflow
from wave_runner.errors import NotFoundError, ProjectError

WORKFLOW = Workflow(
    name="work",
    path="workflows/work.yaml",
    collection="items",
    params={
        "source": Param(name="source", type="string"),
        "count": Param(name="count", type="integer", default=3, required=False),
        "share": Param(name="share", type="number", default=None, required=False),
        "review": Param(name="review", type="boolean", default=False, required=False),
    },
    steps={},
)


def test_values_are_given_a_default_or_none():
    found = resolve_params(WORKFLOW, {"source": "x"})
    assert found == {"source": "x", "count": 3, "share": None, "review": False}


def test_words_become_values_of_the_declared_type():
    found = resolve_params(WORKFLOW, {"source": "", "count": "-4", "share": "0.5", "review": "True"})
    assert found == {"source": "", "count": -4, "share": 0.5, "review": True}


def test_an_unknown_parameter_is_refused_with_the_nearest():
    with pytest.raises(NotFoundError, match="no parameter sourc") as caught:
        resolve_params(WORKFLOW, {"sourc": "x"})
    assert caught.value.hint == 'did you mean "source"?'


def test_a_missing_parameter_says_how_to_give_it():
    with pytest.raises(ProjectError, match=r"needs the parameter source \(string\)") as caught:
        resolve_params(WORKFLOW, {})
    assert "--param source=" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("count", "3.0"),
        ("count", "1_000"),
        ("count", ""),
        ("count", " 3"),
        ("count", "9" * 30),
        ("share", "nan"),
        ("share", "1e999"),
        ("share", "x"),
        ("review", "yes"),
        ("source", "a\0b"),
        ("source", "\udcff"),
    ],
)
def test_a_word_that_is_no_such_value_is_refused(name, text):
    with pytest.raises(ProjectError, match=f"parameter {name} is of type"):
        resolve_params(WORKFLOW, {"source": "x", name: text})


@given(st.integers(-(10**17), 10**17), st.floats(allow_nan=False, allow_infinity=False), st.booleans())
def test_what_python_writes_is_read_back(count, share, review):
    given_words = {"source": "x", "count": str(count), "share": repr(share), "review": str(review)}
    assert resolve_params(WORKFLOW, given_words) == {"source": "x", "count": count, "share": share, "review": review}


@pytest.mark.parametrize("address", ["https://me:secret@jobs.example/all", "postgresql://me:@db.example/x"])
def test_an_address_with_a_password_is_refused_before_it_is_kept(address):
    with pytest.raises(ProjectError, match="source is an address with a password in it") as caught:
        resolve_params(WORKFLOW, {"source": address})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["https://me@jobs.example/a:b@c", "a:b@c", "https://[", "sample:"])
def test_what_only_looks_like_a_password_is_taken(text):
    assert resolve_params(WORKFLOW, {"source": text})["source"] == text
