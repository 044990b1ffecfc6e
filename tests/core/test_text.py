from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.text import cut, sanitise, unstorable

any_text = st.text(alphabet=st.characters())  # lone surrogates included


def test_what_cannot_be_stored_is_named_by_its_path():
    assert unstorable({"a": [{"b": "x\0"}]}) == "$.a[0].b"
    assert unstorable({"a": {"\ud800": 1}}) == "$.a.�"
    assert unstorable(["ok", 1, None, {"a": "ö\n'\""}]) is None


def test_a_deep_value_is_searched_without_recursion():
    value: list = ["\0"]
    for _ in range(100_000):
        value = [value]
    path = unstorable(value)
    assert path is not None
    assert len(path) < 250


@given(any_text)
def test_sanitised_text_can_be_stored_and_is_otherwise_the_same(text):
    clean, changed = sanitise(text)
    assert unstorable(clean) is None
    assert len(clean) == len(text)
    assert changed == (clean != text) == (unstorable(text) is not None)
    clean.encode()


@given(any_text, st.integers(1, 30))
def test_a_cut_keeps_the_beginning_and_says_how_long_the_text_was(text, most):
    short, length = cut(text, most)
    assert text.startswith(short)
    assert len(short) == min(len(text), most)
    assert length == (len(text) if len(text) > most else None)
