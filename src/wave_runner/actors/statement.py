"""Is a text one SQL statement that an actor may run inside the engine's transaction?

Not a parser: it takes out what may hide a word or a semicolon (texts, quoted names, comments) and looks at the rest.
What it lets through is still run with the database role's own rights; it keeps honest scripts from ending or
splitting the transaction that records their result.
"""

from __future__ import annotations

import re

READS = frozenset({"SELECT", "WITH", "VALUES", "TABLE"})
EFFECTS = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "SELECT", "WITH"})

_HIDDEN = re.compile(
    r"""
      (?<!\w)[eE]'(?:\\.|''|[^'\\])*'   # E'a\'b', but not the end of date'2016-01-02'
    | '(?:''|[^'])*'                    # 'it''s'
    | "(?:""|[^"])*"                    # "a name"
    | (?P<tag>\$(?:[A-Za-z_]\w*)?\$).*?(?P=tag)   # $tag$ text $tag$
    | --[^\n]*
    | /\*(?:(?!/\*).)*?\*/              # a comment without another inside
    """,
    re.VERBOSE | re.DOTALL,
)


def check_statement(statement: str, allowed: frozenset[str]) -> None:
    """Raise `ValueError` unless `statement` is a single statement that begins with one of the words `allowed`."""
    bare = _HIDDEN.sub(" ", statement).strip()
    if any(mark in bare for mark in ("'", '"', "/*", "$$")):
        raise ValueError(f"a quote or comment is not closed, or is nested, in: {_short(statement)}")
    if ";" in bare.rstrip("; \t\r\n"):
        raise ValueError(f"one statement at a time, please: {_short(statement)}")
    word = re.match(r"\w*", bare.lstrip("("))
    first = word.group().upper() if word else ""
    if first not in allowed:
        raise ValueError(f"{first or 'an empty text'} is not allowed here, only {', '.join(sorted(allowed))}")


def _short(statement: str) -> str:
    return " ".join(statement.split())[:100]
