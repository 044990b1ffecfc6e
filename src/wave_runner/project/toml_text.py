"""wave.toml as plain data with line numbers. `tomllib` gives none, so they are read off the text once it has parsed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from wave_runner.errors import ProjectError
from wave_runner.project.document import At, Document

_TABLE = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_AT_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


def read_toml(path: Path, content: bytes) -> Document:
    """Return what the file holds, or raise ProjectError with the line of what is wrong."""
    try:
        text = content.decode()
        data = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ProjectError("the file is not UTF-8", path=path, line=line, rule="unreadable_file") from error
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(path, content, error) from error
    except RecursionError as error:
        raise ProjectError("the file is nested too deep", path=path, line=1, rule="unreadable_file") from error
    return Document(path, data, _lines(text))


def _syntax_error(path: Path, content: bytes, error: tomllib.TOMLDecodeError) -> ProjectError:
    message = str(error)
    where = _AT_LINE.search(message)
    last = content.count(b"\n") + 1
    line = int(where[1]) if where and where[1] else last
    return ProjectError(f"this is no TOML: {_AT_LINE.sub('', message)}", path=path, line=line, rule="unreadable_file")


def _lines(text: str) -> Mapping[At, int]:
    """Return the line of each table header and of each key at the start of a line.

    A line inside a multi-line string can look like either; it then only adds a place that nothing asks for.
    """
    lines: dict[At, int] = {}
    table: At = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _TABLE.match(line):
            table = _parts(header[1])
            _note(lines, table, number)
        elif key := _KEY.match(line):
            _note(lines, (*table, *_parts(key[1])), number)
    return lines


def _note(lines: dict[At, int], at: At, number: int) -> None:
    for end in range(1, len(at) + 1):
        lines.setdefault(at[:end], number)


def _parts(dotted: str) -> At:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))
