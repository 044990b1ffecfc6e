"""Whether a text seems to speak to the model that reads it, instead of being about something.

A suspicion and never a verdict: what is suspected is flagged and goes its way, because no list of phrases tells an
attack from a text about attacks, and none finds them all. What keeps an attack from doing harm is that an answer is
data: it is checked against its schema, and no route, statement, path or command is ever made of it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

LOOKED_AT = 50_000  # characters from the beginning


@dataclass(frozen=True)
class _Kind:
    """One way of speaking to a model. `words` are looked up first, which is fast; `pattern` decides."""

    name: str
    words: Sequence[str]
    pattern: re.Pattern[str]


def _kind(name: str, words: str, *patterns: str) -> _Kind:
    return _Kind(name, words.split(";"), re.compile("|".join(patterns)))


_NEAR = r"[^.!?\n]{0,60}?"
_RULES = (
    r"\b(?:instructions?|rules?|guidelines?|directives?|restrictions?|prompts?|polic(?:y|ies)|confidentiality"
    r"|anweisungen|richtlinien|regeln|instrucciones|istruzioni|reglas|règles|consignes)\b"
)
_OWN_PROMPT = (
    r"\b(?:system\s?-?prompt|system\s+(?:message|instructions?)|(?:initial|hidden|original|secret|exact)\s+"
    r"(?:prompt|instructions?)|instructions\s+you\s+were\s+given|systemanweisung\w*|prompt\s+(?:de|del|di)\s+sist\w+"
    r"|prompt\s+système|instru\w+\s+(?:del|di)\s+sistema|instructions\s+système)\b"
)
_UNBOUND = r"(?:no|without|free\s+of)\s+(?:any\s+)?(?:content\s+)?(?:restrictions?|filters?|rules|limits?|policy)\b"

_KINDS = (
    _kind(
        "override",
        "ignor;disregard;forget;overrid;bypass;new instr;new direct;disabled;verg;olvid;oubli;dimentic",
        rf"\b(?:ignor\w*|disregard|forget|override|bypass|vergiss|vergessen|olvida|oubliez?|dimentica)\b{_NEAR}{_RULES}",
        r"\b(?:disregard|forget|vergiss)\s+(?:everything|alles)\b",
        r"\bnew\s+(?:instructions?|directives?)\b[^.\n]{0,20}:",
        r"\b(?:safety|security)\s+(?:protocols?|checks?|rules?)\s+(?:are\s+)?disabled",
    ),
    _kind(
        "persona",
        "you are now;developer mode;modo desarr;anything now;restri;rules;policy;filter;limit;censored"
        ";ohne einschr;keine r",
        r"\byou\s+are\s+now\s+(?:an?\s+)?(?:dan\b|in\b|unrestricted|free\b)",
        r"\bdeveloper\s+mode\b|\bdo\s+anything\s+now\b|\bmodo\s+desarrollador\b",
        rf"\b(?:you|ai|dan|model|answer\w*|respond\w*)\b{_NEAR}\b{_UNBOUND}",
        r"\bun(?:restricted|censored)\s+(?:ai|assistant|model|mode|response|answers?)\b",
        r"\b(?:sans|sin|senza)\s+restri\w+|\bohne\s+einschr\w+|\bkeine\s+r(?:egeln|ichtlinien)\b",
    ),
    _kind(
        "secrets",
        "prompt;instru;systemanweisung;system message;api key;credential;customer",
        r"\b(?:reveal|print(?:ing)?|show|repeat|output|tell|dump|leak|display|zeige?|verrate|r[ée]v[èée]le[rz]?"
        rf"|muestra|revela|rivela|mostra)\b[^.!?\n]{{0,80}}?{_OWN_PROMPT}",
        rf"\b(?:reveal|leak|dump|send)\b{_NEAR}\b(?:api\s+keys?|credentials|customer\s+(?:database|list|emails))\b",
    ),
    _kind(
        "address",
        "ai ;llm;language model;the bot;the assistant;system note;di sistema;del sistema;systemhinweis;note système",
        r"\b(?:note|notice|message|important|attention|instructions?)\s+(?:to|for)\s+(?:the\s+|any\s+|all\s+)?"
        r"(?:ai|bot|assistant|llm)\b",
        r"\bif\s+you\s+are\s+an?\s+(?:ai|llm|language\s+model)\b",
        r"\bai\s+(?:agents?|assistants?|systems?)\s+(?:reading|processing|reviewing)\b",
        r"\bfor\s+ai\s+(?:coding\s+)?agents\b|\bas\s+the\s+assistant,?\s+i\b",
        r"(?:^|\n)\W{0,8}system\s+note\b|\bsystemhinweis\b|\bnota\s+d(?:el|i)\s+sistema\b|\bnote\s+système\b",
    ),
    _kind(
        "markup",
        "<|;inst];</s;<s;</a;<a;[system];system:;system :;assistant:;end of",
        r"<\|[a-z_]{2,20}\|>|\[/?inst\]|</?(?:system|assistant)>|\[system\]",
        r"(?:^|\n)\W{0,6}(?:system|assistant)\s?:",
        r"\bend\s+of\s+(?:user\s+input|document|prompt|system)\b",
    ),
    _kind(
        "decode",
        "decode;rot13",
        r"\bdecode\b[^.!?\n]{0,80}?\b(?:follow|do|execute|obey|run)\b",
        rf"\brot13\b{_NEAR}\b(?:execute|comply|follow|obey)\b",
    ),
)
_HIDDEN = re.compile("[\U000e0020-\U000e007e]{4}")  # tag characters: nobody sees them, and a model reads them
_WRAPPED = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40,4000}={0,2}(?![A-Za-z0-9+/=])")
_UNWRAPPED = 5  # pieces of a text that are looked into


def suspected(text: str) -> tuple[str, ...]:
    """Return the kinds of injection that a text may hold; nothing where none is suspected."""
    begin = text[:LOOKED_AT]
    found = _spoken(begin)
    if _HIDDEN.search(begin):
        found.append("hidden")
    if any(_spoken(inner) for inner in _inside(begin)):
        found.append("encoded")
    return tuple(found)


def _spoken(text: str) -> list[str]:
    lowered = text.lower()
    return [
        kind.name
        for kind in _KINDS
        if any(word in lowered for word in kind.words) and kind.pattern.search(lowered) is not None
    ]


def _inside(text: str) -> list[str]:
    """Return the texts that are wrapped in this one as percent codes or base64."""
    inner = [unquote(text)] if text.count("%20") > 2 else []
    for _, match in zip(range(_UNWRAPPED), _WRAPPED.finditer(text), strict=False):
        try:
            inner.append(base64.b64decode(match[0] + "=" * (-len(match[0]) % 4)).decode())
        except (binascii.Error, UnicodeDecodeError):
            continue
    return inner
