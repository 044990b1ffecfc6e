import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.outcome import Breach
from wave_runner.core.text import seen
from wave_runner.project.templates import PromptError, read_prompt, render


def breach(template: str, **variables) -> Breach:
    found = render(template.encode(), variables)
    assert isinstance(found, Breach), found
    return found


def test_variables_fill_the_prompt():
    template = b"{% for skill in skills %}- {{ skill }}\n{% endfor %}{{ title | upper }}"
    assert render(template, {"title": "Clerk", "skills": ["SQL"]}) == "- SQL\nCLERK"


def test_what_is_no_text_comes_out_as_json():
    assert render(b"{{ a }} {{ b }} {{ c }} {{ d }}", {"a": ["ä", None], "b": True, "c": 1.5, "d": {"x": 1}}) == (
        '["ä", null] true 1.5 {"x": 1}'
    )


@given(st.text())
def test_a_value_comes_out_literally_whatever_it_holds(text):
    assert render(b"<{{ text }}>", {"text": text}) == f"<{seen(text)}>"


def test_a_model_is_told_nothing_that_a_reader_does_not_see():
    tags = "".join(chr(0xE0000 + ord(letter)) for letter in "obey")
    hidden = f"a\u202eb\u2066c{tags}\u2069\u202c, \u200fאב and 👩‍🚀"
    told = render(b"{{ text }} {{ more }}", {"text": hidden, "more": [hidden]})
    assert told == 'abc, \u200fאב and 👩‍🚀 ["abc, \u200fאב and 👩‍🚀"]'


@pytest.mark.parametrize("text", ["{{ 7*7 }}", "{% raw %}", "{text}", "{# x #}", "<b>&amp;</b>"])
def test_a_value_is_never_a_template(text):
    assert render(b"{{ text }}", {"text": text}) == text


@pytest.mark.parametrize(
    "template", ["{{ missing }}", "{{ text.missing }}", "{{ missing.x }}", "{% if missing %}{% endif %}"]
)
def test_a_variable_that_is_not_there_is_a_breach(template):
    found = breach(template, text={"a": 1})
    assert (found.rule, found.retry) == ("unresolved_variable", False)
    assert "(inputs: text)" in found.message


@pytest.mark.parametrize("template", ["{text}", "{{ text }} { text }", "{% raw %}{{ text }}{% endraw %}"])
def test_a_placeholder_of_another_dialect_is_a_breach(template):
    found = breach(template, text="x")
    assert found.rule == "unresolved_placeholder"
    assert "{text}" in found.message


def test_braces_that_are_no_placeholder_of_ours_stay():
    assert render(b'{"summary": "{{ text }}"} {other}', {"text": "x"}) == '{"summary": "x"} {other}'


def test_null_is_never_printed():
    found = breach("{{ text }}", text=None)
    assert found.rule == "null_variable"
    assert "null here: text" in found.message
    assert render(b"{% if text is not none %}{{ text }}{% endif %}!", {"text": None}) == "!"


@pytest.mark.parametrize(
    "template",
    [
        "{{ text.__class__.__mro__ }}",
        "{{ items.append(1) }}",
        "{% for i in range(10 ** 9) %}{% endfor %}",
        "{{ 'x' * 10000000000 }}",
        "{{ items * 10000000000 }}",
        "{{ 1 / 0 }}",
        "{{ text() }}",
        "{{ range }}",
    ],
)
def test_a_prompt_cannot_leave_its_sandbox(template):
    assert breach(template, text="x", items=[1]).rule == "prompt_error"


def test_arithmetic_is_allowed():
    assert render(b"{{ n * 2 + 1 }}", {"n": 3}) == "7"


@pytest.mark.parametrize(
    ("template", "line", "message"),
    [
        (b"a\n{{ text", 2, "no Jinja2"),
        (b"a\n\n{{ text | nofilter }}", 3, "No filter named 'nofilter'"),
        (b"{% include 'other.md' %}", 1, "cannot include"),
        (b"a\n{% extends 'other.md' %}", 2, "cannot include, import or extend"),
        (b"a\n\xff", 2, "not UTF-8"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_with_its_line(template, line, message):
    with pytest.raises(PromptError) as caught:
        read_prompt(template)
    assert message in str(caught.value)
    assert caught.value.line == line


def test_the_variables_of_a_prompt_are_those_it_does_not_set_itself():
    assert read_prompt(b"{% set a = b %}{% for c in d %}{{ c }}{{ a }}{% endfor %}").names == {"b", "d"}


def test_a_prompts_own_words_are_its_plain_text_without_what_is_filled_in():
    prompt = read_prompt(b"Summarise  THIS:\n{{ text }}\n{% raw %}{{ kept }}{% endraw %}{# a remark #} Done")
    assert prompt.own_words.replace("\0", "").split() == ["summarise", "this:", "{{", "kept", "}}", "done"]
    assert "this: {{ kept" not in prompt.own_words
