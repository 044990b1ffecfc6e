"""What a script says of its input, read from its text: nothing of it is run to find out."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from wave_runner.core.lint.finding import InputField
from wave_runner.core.workflow import Project

# What pydantic makes each of these from, unless it is told to be strict.
_NUMBERS = frozenset({"boolean", "integer", "number", "string"})
_TAKEN = {
    "str": frozenset({"string"}),
    "int": _NUMBERS,
    "float": _NUMBERS,
    "bool": _NUMBERS,
    "list": frozenset({"array"}),
    "dict": frozenset({"object"}),
}


def script_inputs(project: Project) -> dict[str, Mapping[str, InputField]]:
    """Return the fields of each script's `Input`, by its name; one that does not say them plainly is left out."""
    found: dict[str, Mapping[str, InputField]] = {}
    for name, script in project.scripts.items():
        fields = None if script.executable else _fields(project.files[script.entry])
        if fields is not None:
            found[name] = fields
    return found


def _fields(content: bytes) -> dict[str, InputField] | None:
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError):
        return None  # which is said where the script's imports are followed
    actors = [node for node in tree.body if isinstance(node, ast.ClassDef) and "ScriptActor" in _bases(node)]
    inputs = [
        node for actor in actors for node in actor.body if isinstance(node, ast.ClassDef) and node.name == "Input"
    ]
    if len(inputs) != 1 or _bases(inputs[0]) != ["BaseModel"]:
        return None
    fields: dict[str, InputField] = {}
    for statement in inputs[0].body:
        match statement:
            case ast.Expr(value=ast.Constant()):
                pass  # its docstring
            case ast.AnnAssign(target=ast.Name(id=name), value=None | ast.Constant() | ast.List() | ast.Dict()):
                fields[name] = InputField(types=_types(statement.annotation), required=statement.value is None)
            case _:
                return None  # an alias, a validator, a setting: what it takes cannot be read off its fields
    return fields


def _bases(node: ast.ClassDef) -> list[str]:
    """Return the last part of each base's name."""
    return [ast.unparse(base).rpartition(".")[2] for base in node.bases]


def _types(annotation: ast.expr) -> frozenset[str] | None:
    """Return the JSON types that a field takes, or None where its annotation is not one of the plain ones."""
    match annotation:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            sides = [_types(left), _types(right)]
            return None if None in sides else frozenset().union(*filter(None, sides))
        case ast.Constant(value=None):
            return frozenset({"null"})
        case ast.Name(id=name) | ast.Subscript(value=ast.Name(id=name)):
            return _TAKEN.get(name)
    return None
