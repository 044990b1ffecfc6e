"""Signs by which a text gives itself away: that nothing was put in its place, or that it is no answer.

Each function takes a text and returns the part of it that is the sign, as evidence, or None. All of them are linear in
the length of the text: a model's answer may be as long as it likes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_WORDS_FOR_NOTHING = frozenset(
    {"none", "null", "nil", "nan", "undefined", "n/a", "n.a", "todo", "tbd", "tba", "fixme", "placeholder"}
    | {"object object"}
)
_LONGEST_WORD_FOR_NOTHING = 40
_BRACKETS = " \t\r\n()[]{}<>\"'`*_.,;:!?-"
_FILLER = "lorem ipsum"
_SLOT = re.compile(r"(?:\$?\{{1,3}|\{%|%\(|<%=?|\[\[)\s*[A-Za-z_][\w.-]{0,80}\s*(?:\}{1,3}|%\}|\)s|%>|\]\])")

_HEAD = 300  # characters in which an apology, or an error, shows itself
_SHORT = 1000  # characters; a longer text is not an error message in place of an answer

_DOING = (
    r"(?:assist|help|comply|fulfil|fulfill|provide|generate|create|produce|answer|summari[sz]e|complete|process"
    r"|continue|engage|respond|do\ that|do\ this|discuss|analy[sz]e|share)\b"
)
_MACHINE = r"(?:ai|artificial\ intelligence)(?:\ language)?(?:\ model|\ assistant)?"
_NOT_ABLE = (
    r"(?:can'?t|cannot|can\ not|could\ not|couldn'?t|am\ unable\ to|am\ not\ able\ to|won'?t|will\ not"
    r"|must\ decline\ to)"
)
_REFUSAL = re.compile(
    rf"""(?:
      (?:i'?m|i\ am)?\s*(?:very\ |so\ |truly\ )?sorry[^.!?\n]{{0,60}}?\b(?:i\ )?{_NOT_ABLE}\b[^.!?\n]{{0,40}}?\b{_DOING}
    | (?:i\ apologi[sz]e|apologies|unfortunately)[^.!?\n]{{0,60}}?\bi\ {_NOT_ABLE}\b[^.!?\n]{{0,40}}?\b{_DOING}
    | i\ {_NOT_ABLE}\ {_DOING}
    | (?:[^.!?\n]{{0,60}}\b)?as\ an?\ (?:{_MACHINE},?\ (?:i|my)\b|(?:ai\ |large\ )?language\ model\b)
    | i(?:'m|\ am)\ (?:just\ |only\ )?an?\ {_MACHINE}\s?[.,]
    | (?:[^.!?\n]{{0,80}}\b)?(?:against|violates?)\ (?:my|our)\ (?:guidelines|programming|(?:content\ |usage\ )?polic)
    | (?:es\ )?tut\ mir\ leid,?\ (?:aber\ )?(?:ich\ )?kann | als\ (?:ki|sprachmodell|ki-sprachmodell)\b
    | (?:je\ suis\ )?désolée?,?\ (?:mais\ )?je\ ne\ (?:peux|suis) | en\ tant\ qu'(?:ia|intelligence\ artificielle)\b
    | lo\ siento,?\ (?:pero\ )?no\ puedo | mi\ dispiace,?\ (?:ma\ )?non\ posso
    )""",
    re.IGNORECASE | re.VERBOSE,
)

_STATUS = r"\(?\[?\b[45]\d\d\b\]?\)?"
_LEAD = (
    r"[\[(*#\s]*(?:(?:[\w.]{0,60}(?:error|exception|failure|failed)|fatal|http(?:/[\d.]+)?|status)(?:\s+code)?"
    rf"[\])*:\s-]+(?:{_STATUS}[\s:,.-]*)?|{_STATUS}[\s:,.-]+)"
)
_ERROR = re.compile(
    rf"""(?:{_LEAD})?(?:rate\ limit(?:\ (?:was\ )?(?:exceeded|reached|hit|error)|ed\b)|rate_limit_exceeded
      |too\ many\ requests|(?:you\ (?:have\ )?)?exceeded\ your\ current\ quota|quota\ exceeded|insufficient[_ ]quota
      |internal\ server\ error|bad\ gateway|service\ (?:is\ )?(?:temporarily\ |currently\ )?unavailable
      |gateway\ time-?out|connection\ (?:refused|reset|aborted|error|timed\ out)|(?:request|read)\ timed\ out
      |(?:the\ )?model\ \S{{1,80}}\ (?:was\ )?(?:not\ found|does\ not\ exist|is\ (?:currently\ )?overloaded)
      |(?:invalid|incorrect)\ api[ _]key|(?:cuda\ |runtimeerror:\ cuda\ )?out\ of\ memory|max\ retries\ exceeded
      |(?:this\ model's\ )?maximum\ context\ length|context\ (?:length|window)\ exceeded
      |(?:[\w.]{{0,40}}\.)?(?:ratelimit|authentication|apiconnection|apitimeout|internalserver|badrequest)error\b
      |traceback\ \(most\ recent\ call\ last\))
    |{_LEAD}(?:unauthorized|forbidden|overloaded|unavailable|not\ found|timed?\ ?out|unknown\ model|failed\ to\ load)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_PAGE = ("<!doctype html", "<html", "<head", "<title")
_PAGE_SAYS = re.compile(
    r"\b[45]\d\d\b|bad gateway|unavailable|forbidden|too many requests|error|timed? ?out|unauthori[sz]ed|not found"
)
_ESCAPE = "\x1b["
_ERROR_FIELDS = frozenset({"error", "message", "code", "type", "status", "detail", "param", "request_id", "timestamp"})

_RUN = 4  # words that make a run
_WINDOW = 48  # words that are looked at together
_FEWEST = 16  # words below which nothing is called a repetition
# Among 4,378 texts of real postings no window had fewer than 0.57 of its runs different from each other.
_DIFFERENT = 0.35
_LOOKED_AT = 50_000  # characters at either end


def stands_for_nothing(text: str) -> str | None:
    """Return the word or filler that stands where a text should: None, N/A, TODO, lorem ipsum."""
    if len(text) <= _LONGEST_WORD_FOR_NOTHING and text.strip(_BRACKETS).casefold() in _WORDS_FOR_NOTHING:
        return text.strip()
    head = text[:_LONGEST_WORD_FOR_NOTHING].strip(_BRACKETS)
    return head[: len(_FILLER)] if head.casefold().startswith(_FILLER) else None


def unfilled_slot(text: str) -> str | None:
    """Return the template's `{name}`, `{{ name }}`, `${name}`, `%(name)s` … that is all there is of the text."""
    stripped = text.strip() if len(text) < 200 else ""
    return stripped if _SLOT.fullmatch(stripped) else None


def refusal(text: str) -> str | None:
    """Return the words with which a model says at the beginning that it does not answer."""
    found = _REFUSAL.match(text[: _HEAD * 2].lstrip().replace("\u2019", "'")[:_HEAD])
    return found[0] if found else None


def provider_error(text: str) -> str | None:
    """Return what shows that a server's or a program's error stands where an answer should."""
    if _ESCAPE in text:
        start = text.index(_ESCAPE)
        return f"terminal codes before {text[start : start + 40]!a}"
    head = text[: _HEAD * 2].lstrip()[:_HEAD]
    if head.lower().startswith(_PAGE):
        says = _PAGE_SAYS.search(text[:5000].lower())
        return f"an HTML page that says {says[0]}" if says else None
    found = _ERROR.match(head) if len(text) <= _SHORT else None
    return found[0] if found else None


def error_object(value: object) -> str | None:
    """Return the message of an object that only reports an error: {"error": {"message": …}}, {"error": "…"}."""
    if not isinstance(value, dict) or not value.keys() <= _ERROR_FIELDS:
        return None
    error = value.get("error")
    message = error.get("message") if isinstance(error, dict) else error
    return message[:_HEAD] if isinstance(message, str) and message.strip() else None


def repetition(text: str) -> str | None:
    """Return the words that a text repeats and repeats, and how few of its runs of words are different.

    Looked at in windows, because a loop may begin after many good words; numbers and lines of dashes do not count.
    """
    words = _words(text)
    if len(words) < _FEWEST:
        return None
    last = max(0, len(words) - _WINDOW)
    for start in [*range(0, last, _WINDOW), last]:
        runs = _runs(words[start : start + _WINDOW])
        if len(set(runs)) < _DIFFERENT * len(runs):
            often, times = Counter(runs).most_common(1)[0]
            return f"{' '.join(often)!r:.120} {times} times among {len(runs) + _RUN - 1} words"
    return None


def _words(text: str) -> list[str]:
    if len(text) > 2 * _LOOKED_AT:
        text = f"{text[:_LOOKED_AT]} {text[-_LOOKED_AT:]}"
    words = [word for word in text.lower().split() if word[0].isalpha() or word[-1].isalpha()]
    if len(words) * 40 >= len(text):
        return words
    # A script that does not part its words, or one endless word; but codes of digits repeat themselves by nature.
    characters = [character for character in text if character.isalnum()]
    return characters if sum(map(str.isalpha, characters)) * 2 > len(characters) else []


def _runs(words: Sequence[str]) -> list[tuple[str, ...]]:
    return list(zip(*(words[first:] for first in range(_RUN)), strict=False))
