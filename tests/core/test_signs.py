"""Signs of a text that is no text, or no answer. The texts are ours, of the kinds that real runs have shown."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core import signs

NOTHING = [
    "None",
    "null",
    "NULL",
    " none ",
    "(None)",
    "N/A",
    "n/a.",
    "NaN",
    "undefined",
    "TODO",
    "tbd",
    "<placeholder>",
]
NOTHING += ["[object Object]", "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor."]
SOMETHING = [
    "Nonetheless",
    "None of the above",
    "A",
    "no",
    "Not yet known",
    "null and void",
    "The TODO list app",
    "-",
    "0",
]
SOMETHING += ["A text about Lorem ipsum and where it comes from"]


@pytest.mark.parametrize("text", NOTHING)
def test_a_word_that_stands_for_nothing_is_seen(text):
    assert signs.stands_for_nothing(text)


@pytest.mark.parametrize("text", SOMETHING)
def test_a_text_that_holds_such_a_word_is_a_text(text):
    assert signs.stands_for_nothing(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "{session_3_output}",
        "{{ summary }}",
        "{{job.title}}",
        " ${name}\n",
        "%(text)s",
        "<%= text %>",
        "[[title]]",
        "{% x %}",
    ],
)
def test_a_place_of_a_template_that_nobody_filled_is_seen(text):
    assert signs.unfilled_slot(text) == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "{1}",
        '{"title": "x"}',
        "Use {name} in the template",
        "{a} {b}",
        "f(x) = {x | x > 0}",
        "[x]",
        "{a b}",
        "$5",
    ],
)
def test_a_text_that_merely_holds_braces_is_a_text(text):
    assert signs.unfilled_slot(text) is None


REFUSALS = [
    "I'm sorry, but I can't help with that request.",
    "I\u2019m sorry, I cannot assist with this posting.",
    "Sorry, I won't be able to do that; I cannot summarize such a text.",
    "Unfortunately, I am unable to summarize the text you sent.",
    "I apologize, but I cannot process this content.",
    "I cannot provide a summary without the posting.",
    "As an AI language model, I do not have opinions.",
    "As an AI, I have no access to the page.",
    "I am an AI assistant. Please give me the text.",
    "Doing this goes against my guidelines.",
    "Es tut mir leid, aber ich kann dabei nicht helfen.",
    "Je suis désolé, mais je ne peux pas répondre.",
    "Lo siento, pero no puedo ayudar con eso.",
]
ANSWERS = [
    "I'm sorry but I cannot access my account since Monday",
    "Sorry for the delay: the parcel cannot be delivered before Friday.",
    "The role works as an AI engineer in a team of six.",
    "As an AI Engineer, I will build pipelines.",
    "I'm an AI researcher who looks for a post.",
    "Applicants who cannot provide proof of residence are refused.",
    "The officer will not answer questions by telephone.",
    "A language teacher is sought; the model school is in the Bronx.",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_seen(text):
    assert signs.refusal(text)


@pytest.mark.parametrize("text", ANSWERS)
def test_an_answer_that_sounds_a_little_like_a_refusal_is_an_answer(text):
    assert signs.refusal(text) is None


ERRORS = [
    "Error: rate limit exceeded, retry in 20 s",
    "429 Too Many Requests",
    "HTTP 401: Unauthorized",
    "[ERROR] 503 Service Unavailable",
    "openai.RateLimitError: Error code: 429",
    "You exceeded your current quota, please check your plan.",
    "Error: model 'qwen2.5:7b' not found, try pulling it first",
    "Internal Server Error",
    "connection refused",
    "This model's maximum context length is 4096 tokens.",
    'Traceback (most recent call last):\n  File "x.py", line 1',
    "\x1b[31mError\x1b[0m: pull the model first",
    "all went well\x1b[0m",
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center>nginx</center></body></html>",
    "<!DOCTYPE html><html><body><h1>Too Many Requests</h1></body></html>",
]
NO_ERRORS = [
    "The engineer keeps the rate limits of the gateway under control.",
    "A customer sees an internal server error when paying.",
    "Error analysis and record keeping",
    "404 Main Street, Brooklyn",
    "500 students are taught by the department every year.",
    "<p>Our offer</p>",
    "<html><body><p>Welcome to the team</p></body></html>",
    "Write \\x1b[31m to get red letters.",
    "Service desk agent",
]


@pytest.mark.parametrize("text", ERRORS)
def test_a_servers_or_a_programs_error_is_seen(text):
    assert signs.provider_error(text)


@pytest.mark.parametrize("text", NO_ERRORS)
def test_a_text_about_errors_is_no_error(text):
    assert signs.provider_error(text) is None


def test_an_object_that_only_reports_an_error_is_seen():
    assert signs.error_object({"error": {"message": "rate limited", "type": "requests", "code": 429}}) == "rate limited"
    assert signs.error_object({"error": "no such model", "status": 404}) == "no such model"
    for other in ({"error": None}, {"error": ""}, {"error": "x", "summary": "y"}, {"error": {"n": 1}}, {}, [], "error"):
        assert signs.error_object(other) is None


LOOPS = [
    "good communication skills, " * 8,
    "the the the the the the the the the the the the the the the the the the",
    "The clerk files papers and answers calls. " + "He is the person who is " * 12,
    "A list: " + "- writes reports for the director\n" * 9,
    "".join(f"{number}. The applicant has experience with the work. " for number in range(12)),
    "仕事仕事仕事仕事仕事仕事仕事仕事仕事仕事仕事仕事仕事仕事仕事仕事仕事仕事仕事仕事仕事仕事仕事仕事",
    "ha" * 200,
]
NO_LOOPS = [
    "Communication, teamwork, patience, filing, typing, payroll, reporting, planning, driving, welding, cooking.",
    "At least five years of full-time work as a painter, or at least three years of full-time work as a painter and "
    "two years of full-time work as a helper, within the last fifteen years.",
    "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    "No, no, no, no.",
    "Reference " + "\\u0049\\u0067\\u006e\\u006f\\u0072\\u0065" * 12,
    "Order 4471: " + "01001001 01100111 01101110 " * 12,
    "経験者を募集しています。仕事の内容は書類の整理、電話の応対、会議の準備、報告書の作成などです。週休二日で交通費も支給します。",
    "dGhpcyBpcyBub3QgYSBsb29wIGJ1dCBhIGxvbmcgd29yZCB0aGF0IG5vYm9keSByZWFkcyBhbG91ZA==",
]


@pytest.mark.parametrize("text", LOOPS)
def test_a_text_that_repeats_and_repeats_is_seen_with_what_it_repeats(text):
    assert " times among " in (signs.repetition(text) or "")


@pytest.mark.parametrize("text", NO_LOOPS)
def test_a_list_or_a_careful_sentence_is_no_repetition(text):
    assert signs.repetition(text) is None


def test_a_loop_is_seen_wherever_in_a_long_text_it_stands():
    words = [f"word{number} follows" for number in range(400)]
    loop = ["round and round we go"] * 20
    for place in (0, 200, 400):
        assert signs.repetition(" ".join([*words[:place], *loop, *words[place:]]))
    assert signs.repetition(" ".join(words)) is None


EVERY = [signs.stands_for_nothing, signs.unfilled_slot, signs.refusal, signs.provider_error, signs.repetition]


@given(st.text(max_size=2000))
def test_every_sign_is_asked_of_any_text_without_harm(text):
    for sign in EVERY:
        assert sign(text) is None or isinstance(sign(text), str)


@pytest.mark.parametrize(
    "piece", ["a", "{", "[(*#", " ", "\n", "error.", "sorry ", "i can't ", "<html>", "A1+/", "语", "as an ai "]
)
def test_a_megabyte_of_anything_is_looked_through_at_once(piece):
    """A pattern that went back over what it has read would take hours; the bound is for the slowest machine."""
    text = piece * (1_000_000 // len(piece))
    began = time.process_time()
    for sign in EVERY:
        sign(text)
    assert time.process_time() - began < 2
