"""What a script is made of: its own file and every module of the project that it can import."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache

from wave_runner.core.workflow import ScriptSpec


class ManifestError(ValueError):
    """A script's imports cannot be followed. `path` and `line` say where."""

    def __init__(self, message: str, path: str, line: int) -> None:
        super().__init__(message)
        self.path = path
        self.line = line


def script_files(files: Mapping[str, bytes], script: ScriptSpec) -> dict[str, bytes]:
    """Return the files that run when the script runs, by path.

    An import is looked up from the project's folder (`actors.common`) and from the importing file's own (`common`);
    what is found at neither is an installed package, which the lock file speaks for. An import made at run time by a
    computed name is not seen; it then finds no file, because a script runs where only these files are.
    """
    named = {path for path in files if any(_is_at(path, wanted) for wanted in script.files)}
    code = [script.entry, *sorted(path for path in named if path.endswith(".py"))]
    if script.executable:
        return {path: files[path] for path in sorted({script.entry} | named)}
    found: set[str] = set()
    while code:
        path = code.pop()
        if path not in found:
            found.add(path)
            code += _packages_above(files, path)
            code += _imported(files, path)
    return {path: files[path] for path in sorted(found | named)}


def imported_names(path: str, content: bytes) -> Iterator[tuple[str, int]]:
    """Yield the first part of each module that a file imports by its full name, and the line."""
    for node in ast.walk(_tree(path, content)):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0], node.lineno


def _tree(path: str, content: bytes) -> ast.Module:
    try:
        return ast.parse(content)
    except SyntaxError as error:
        raise ManifestError(f"this is no Python: {error.msg}", path, error.lineno or 1) from error
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"this is no Python: {error}", path, 1) from error


def _is_at(path: str, wanted: str) -> bool:
    return path.startswith(wanted) if wanted.endswith("/") else path == wanted


def _imported(files: Mapping[str, bytes], path: str) -> Iterator[str]:
    """Yield the project's files that a module's import statements can reach."""
    for level, name in _imports(path, files[path]):
        yield from _modules(files, path, level, name)


@lru_cache(maxsize=1024)  # a module that many scripts share would be parsed for each of them
def _imports(path: str, content: bytes) -> tuple[tuple[int, str], ...]:
    """Return what a file imports, by level and dotted name; what is imported from a module may be a module too."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(_tree(path, content)):
        if isinstance(node, ast.Import):
            found += [(0, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            names = [f"{base}.{alias.name}".lstrip(".") for alias in node.names]
            found += [(node.level, name) for name in (base, *names)]
    return tuple(dict.fromkeys(found))


def _modules(files: Mapping[str, bytes], importer: str, level: int, name: str) -> Iterator[str]:
    """Yield the files of a dotted module and of each package on its way, from every place it may be looked up."""
    here = importer.split("/")[:-1]
    roots = [here[: len(here) - level + 1]] if level else [[], here]
    parts = [part for part in name.split(".") if part]
    for root in roots:
        for end in range(len(parts) + 1):
            module = "/".join([*root, *parts[:end]])
            candidates = (f"{module}.py", f"{module}/__init__.py".lstrip("/"))
            yield from (candidate for candidate in candidates if candidate in files)


def _packages_above(files: Mapping[str, bytes], path: str) -> Iterator[str]:
    parts = path.split("/")[:-1]
    for end in range(1, len(parts) + 1):
        package = "/".join([*parts[:end], "__init__.py"])
        if package in files:
            yield package
