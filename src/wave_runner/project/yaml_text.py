"""YAML 1.2 as this project takes it: plain data with line numbers, and none of YAML's surprises.

Refused: duplicate keys, anchors and aliases, merge keys, tags, a second document. `on`, `yes` and dates are texts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from wave_runner.errors import ProjectError
from wave_runner.project.document import At, Document

_CORE = "tag:yaml.org,2002:"


def read_yaml(path: Path, content: bytes) -> Document:
    """Return the mapping that the file holds, or raise ProjectError with the line of what is wrong."""
    try:
        # The pure parser, because only its marks have a column that fits the file's text.
        root = YAML(typ="safe", pure=True).compose(content.decode())
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ProjectError("the file is not UTF-8", path=path, line=line, rule="unreadable_file") from error
    except MarkedYAMLError as error:
        raise ProjectError(_problem(error), path=path, line=_line(error), rule="unreadable_file") from error
    except YAMLError as error:
        raise ProjectError(
            _first_line(error), path=path, line=_line_of_odd_character(content), rule="unreadable_file"
        ) from error
    except RecursionError as error:
        raise ProjectError("the file is nested too deep", path=path, line=1, rule="unreadable_file") from error
    if not isinstance(root, MappingNode):
        raise ProjectError("the file must hold keys with values", path=path, line=1, rule="unreadable_file")
    reader = _Reader(path)
    return Document(path, reader.mapping(root, ()), reader.lines)


class _Reader:
    """Turns nodes into plain data and remembers where each stood."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lines: dict[At, int] = {}

    def mapping(self, node: MappingNode, at: At) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key in data:
                raise self._error(key_node, f"the key `{key}` stands here for the second time")
            self.lines[*at, key] = key_node.start_mark.line + 1
            data[key] = self._value(value_node, (*at, key))
        return data

    def _value(self, node: Node, at: At) -> Any:
        if node.anchor:
            raise self._error(node, f"anchors (&{node.anchor}) and aliases are not used in these files; write it out")
        match node:
            case MappingNode() if node.tag == f"{_CORE}map":
                return self.mapping(node, at)
            case SequenceNode() if node.tag == f"{_CORE}seq":
                return [self._item(item, (*at, index)) for index, item in enumerate(node.value)]
            case ScalarNode():
                return self._scalar(node)
            case _:
                raise self._error(node, f"the tag {node.tag} is not used in these files")

    def _item(self, node: Node, at: At) -> Any:
        self.lines[at] = node.start_mark.line + 1
        return self._value(node, at)

    def _scalar(self, node: ScalarNode) -> Any:
        text = node.value
        match (node.tag or "").removeprefix(_CORE):
            case "str" | "timestamp":
                return text
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int":
                return int(text.replace("_", ""), 0 if text.lstrip("+-").startswith(("0x", "0o")) else 10)
            case "float":
                return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
            case _:
                raise self._error(node, f"the tag {node.tag} is not used in these files")

    def _key(self, node: Node) -> str:
        if not isinstance(node, ScalarNode) or node.anchor:
            raise self._error(node, "a key must be a plain text")
        if node.tag == f"{_CORE}merge":
            raise self._error(node, "merge keys (<<) are not used in these files; write it out")
        # A key is a text whatever it looks like: `1:`, `true:` and `null:` name themselves.
        return str(node.value)

    def _error(self, node: Node, message: str) -> ProjectError:
        return ProjectError(message, path=self._path, line=node.start_mark.line + 1, rule="unreadable_file")


def _problem(error: MarkedYAMLError) -> str:
    return f"this is no YAML: {error.problem or _first_line(error)}"


def _line(error: MarkedYAMLError) -> int:
    mark = error.problem_mark or error.context_mark
    return mark.line + 1 if mark else 1


def _line_of_odd_character(content: bytes) -> int:
    """Return the line of the first control character: the reader's own error has only an offset into its buffer."""
    for number, line in enumerate(content.split(b"\n"), start=1):
        if any(byte < 0x20 and byte not in b"\t\r" for byte in line):
            return number
    return 1


def _first_line(error: Exception) -> str:
    return f"this is no YAML: {str(error).strip().partition(chr(10))[0]}"
