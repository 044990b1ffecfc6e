"""Text damaged on the way is repaired; words are left alone."""

import html
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.projects.job_postings.actors.cleaning import clean, mend_encoding

SAMPLE = Path(__file__).parents[3] / "src/wave_runner/projects/job_postings/data/sample.jsonl"


@pytest.mark.parametrize(
    ("damaged", "meant"),
    [
        ("â€¢ Lead", "• Lead"),
        ("its staffâ€™s", "its staff’s"),
        ("â€œtitleâ€\x9d", "“title”"),
        ("Ã¢â‚¬Â¢ twice", "• twice"),
        ("$12Â½ at 5Â°", "$12½ at 5°"),
        ("cafÃ©", "café"),
    ],
)
def test_double_encoded_text_is_decoded(damaged, meant):
    assert clean(damaged) == meant


@pytest.mark.parametrize("text", ["naïve café", "â", "5 € â 3", "•“”", "日本語", "Ünï©ode ½", "â¿¢ lost"])
def test_text_that_only_looks_unusual_stays(text):
    assert mend_encoding(text) == text


def test_a_damaged_piece_is_mended_beside_a_sound_one():
    assert mend_encoding("• café â€“ cafÃ© 日") == "• café – café 日"


@given(
    st.text(alphabet=st.characters(min_codepoint=0xA0, max_codepoint=0x2BFF, categories=["L", "S", "P"]), min_size=1)
)
def test_what_is_encoded_twice_comes_back(text):
    try:
        damaged = "".join(_misread(byte) for byte in text.encode())
    except UnicodeDecodeError:
        return
    # One round only: a text that was damaged before as well is mended further, and rightly so.
    if mend_encoding(text) == text:
        assert mend_encoding(damaged) == text


def _misread(byte):
    try:
        return bytes([byte]).decode("cp1252")
    except UnicodeDecodeError:
        return chr(byte)


@pytest.mark.parametrize(
    ("marked_up", "plain"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("a<br/>b", "a\nb"),
        ("<b>bold</b> and <a href='x'>link</a>", "bold and link"),
        ("<script>alert(1)</script>seen<!-- unseen -->", "seen"),
        ("seen<!-- <p> --><!-- unseen --> too", "seen too"),
        ("Q&amp;A &#8226; &lt;b&gt; &nbsp;x", "Q&A • <b> x"),
    ],
)
def test_markup_goes_and_its_text_stays(marked_up, plain):
    assert clean(marked_up) == plain


@pytest.mark.parametrize(
    "text",
    [
        "R&D; more",
        "&Is; it",
        "AT&notify; us",
        "<5 years, > 3",
        "if a<b and b>c",
        "&copy that",
        "see <!-- here",
        "<!-->",
    ],
)
def test_what_is_no_markup_stays(text):
    assert clean(text) == text


def test_many_open_comments_take_no_longer_than_other_text():
    assert clean("<!-- " * 200_000 + "seen").endswith("<!-- seen")


@pytest.mark.parametrize(
    ("hidden", "seen"),
    [
        ("a\u202eb\u202c\u2066c\u2069\u200e\u200f\u061c", "abc"),
        ("Clerk\U000e0001\U000e0049\U000e0067\U000e007f", "Clerk"),
        ("in\u2063visi\u2060ble\u206a", "invisible"),
        ("می\u200cخواهم 👩\u200d🚀", "می\u200cخواهم 👩\u200d🚀"),
    ],
)
def test_text_that_no_reader_sees_is_no_text(hidden, seen):
    assert clean(hidden) == seen


def test_an_entity_is_resolved_once():
    assert clean("&amp;lt;") == "&lt;"


@pytest.mark.parametrize(
    ("doubled", "plain"),
    [
        ("''Apply Now''", '"Apply Now"'),
        ("the city''s", "the city's"),
        ("as in ''''1''''", 'as in "1"'),
        ("it's", "it's"),
    ],
)
def test_doubled_apostrophes_become_what_they_stood_for(doubled, plain):
    assert clean(doubled) == plain


def test_white_space_is_tidied_and_lines_are_kept():
    assert clean("  a \t b\xa0c\r\nd\n\n\n\ne\ufeff ") == "a b c\nd\n\ne"


@given(st.text())
def test_cleaning_never_fails_and_leaves_no_control_characters(text):
    cleaned = clean(text)
    assert not any(ord(char) < 32 and char != "\n" for char in cleaned)
    assert cleaned == cleaned.strip()


@given(st.text(alphabet="abcXYZ 019.,;:!?()-/$%\n"))
def test_plain_words_are_not_touched(text):
    assert clean(text).split() == text.split()


def test_no_posting_of_the_sample_keeps_mojibake():
    texts = [_clean_texts(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    assert any("â€" in line for line in SAMPLE.read_text(encoding="utf-8").splitlines())
    assert not [text for row in texts for text in row if "â€" in text or "Ã¢" in text or html.unescape(text) != text]


def _clean_texts(line):
    try:
        row = json.loads(line)
    except ValueError:
        return []
    return [clean(value) for value in row.values() if isinstance(value, str)]
