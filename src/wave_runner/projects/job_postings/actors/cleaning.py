"""Text as its author meant it: damage done on the way repaired, words left alone."""

from __future__ import annotations

import html
import re
import unicodedata
from html.entities import html5

# UTF-8 that was read as Windows-1252 and written as UTF-8 again: one character became two to four.
# Bytes that Windows-1252 does not define came through as C1 control characters.
_BYTE_OF: dict[str, int] = {}
for _byte in range(0x80, 0x100):
    try:
        _BYTE_OF[bytes([_byte]).decode("cp1252")] = _byte
    except UnicodeDecodeError:
        _BYTE_OF[chr(_byte)] = _byte


def _one_of(first: int, last: int) -> str:
    return "[" + "".join(re.escape(char) for char, byte in _BYTE_OF.items() if first <= byte <= last) + "]"


_TAIL = _one_of(0x80, 0xBF)
_DOUBLE_ENCODED = re.compile(
    f"{_one_of(0xC2, 0xDF)}{_TAIL}|{_one_of(0xE0, 0xEF)}{_TAIL}{{2}}|{_one_of(0xF0, 0xF4)}{_TAIL}{{3}}"
)
_LAYERS = 4  # three have been seen in the wild

# Attributes must have values: `a<b and b>c` is a comparison.
_ATTRIBUTES = r"""(?:\s+[\w:-]+\s*=\s*(?:"[^"]*"|'[^']*'|[^\s<>"']+))*\s*/?"""
_BLOCK_TAG = re.compile(rf"</?(?:p|br|div|li|ul|ol|tr|td|th|table|h[1-6]){_ATTRIBUTES}>", re.IGNORECASE)
_INLINE_TAG = re.compile(rf"</?(?:a|b|i|u|em|strong|span|font|small|sup|sub){_ATTRIBUTES}>", re.IGNORECASE)
_UNSEEN_ELEMENT = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|([A-Za-z][A-Za-z0-9]*));")
# Controls, and what no reader sees but a model reads: marks without width, of direction, and the tag characters.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
    r"\U000e0000-\U000e007f]"
)
_SPACES = re.compile(r"[^\S\n]+")


def clean(text: str) -> str:
    """Return `text` without mojibake, HTML, doubled apostrophes, unseen characters and needless white space.

    What it does not understand it leaves as it is: `R&D;` and `<5 years` are words, not HTML.
    """
    text = mend_encoding(text)
    text = drop_html(text)
    text = mend_apostrophes(text)
    text = _UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return tidy_space(unicodedata.normalize("NFC", text))


def mend_encoding(text: str) -> str:
    """Undo double encoding piece by piece (`â€¢` to `•`); a piece that gives nothing sensible stays."""
    for _ in range(_LAYERS):
        mended = _DOUBLE_ENCODED.sub(_decode_once, text)
        if mended == text:
            break
        text = mended
    return text


def _decode_once(piece: re.Match[str]) -> str:
    found = piece.group()
    try:
        meant = bytes(_BYTE_OF[char] for char in found).decode("utf-8")
    except UnicodeDecodeError:
        return found
    return meant if _is_sensible(meant) else found


def _is_sensible(char: str) -> bool:
    # Bounds are given instead of asking unicodedata: its answer for new characters depends on the Python version,
    # and the same posting must clean to the same text everywhere. Beyond U+2BFF only ligatures and pictographs are
    # likelier than a piece whose bytes were damaged a second time.
    code = ord(char)
    return 0x80 <= code <= 0x2BFF or 0xFB00 <= code <= 0xFB06 or 0x1F300 <= code <= 0x1FAFF


def drop_html(text: str) -> str:
    """Remove the tags of text markup and resolve complete entities, each exactly once."""
    text = _UNSEEN_ELEMENT.sub(" ", _drop_comments(text))
    text = _BLOCK_TAG.sub("\n", text)
    text = _INLINE_TAG.sub("", text)
    return _ENTITY.sub(_resolve_entity, text)


def _drop_comments(text: str) -> str:
    # No pattern: one would look for the end of each of many open comments through all of the text.
    parts: list[str] = []
    at = 0
    while (begin := text.find("<!--", at)) >= 0 and (end := text.find("-->", begin + 4)) >= 0:
        parts.append(text[at:begin])
        at = end + 3
    return " ".join([*parts, text[at:]])


def _resolve_entity(entity: re.Match[str]) -> str:
    name = entity.group(1)
    if name is not None and f"{name};" not in html5:
        return entity.group()
    return html.unescape(entity.group())


def mend_apostrophes(text: str) -> str:
    """Turn `the city''s` into `the city's`, and every other run of apostrophes into the quotation mark it stood for."""
    text = re.sub(r"(?<=\w)''(?=(?:s|t|re|ve|ll|d|m)\b)", "'", text)
    return re.sub(r"'{2,}", '"', text)


def tidy_space(text: str) -> str:
    """Collapse runs of white space: one space within a line, at most one empty line between two."""
    lines = [_SPACES.sub(" ", line).strip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
