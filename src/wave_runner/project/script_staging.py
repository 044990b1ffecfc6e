"""What a script does with staged rows, read from its text and that of its modules: nothing is run to find out."""

from __future__ import annotations

import ast

from wave_runner.core.workflow import Project, ScriptSpec
from wave_runner.project.manifest import ManifestError, script_files


def staging_scripts(project: Project) -> tuple[set[str], set[str]]:
    """Return the scripts that plainly stage rows, and those that may decide about some; a script may do both."""
    adding, deciding = set(), set()
    for name, script in project.scripts.items():
        for node in _nodes(project, script):
            if isinstance(node, ast.Attribute):
                if node.attr == "add" and _is_staging(node.value):
                    adding.add(name)
                elif node.attr == "decide":  # of whatever: to be wrong on this side raises no false objection
                    deciding.add(name)
    return adding, deciding


def _nodes(project: Project, script: ScriptSpec) -> list[ast.AST]:
    if script.executable:
        return []  # it has no staging
    try:
        files = script_files(project.files, script)
        return [node for path, body in files.items() if path.endswith(".py") for node in ast.walk(ast.parse(body))]
    except (ManifestError, SyntaxError, ValueError, RecursionError):
        return []  # which is said where the script's imports are followed


def _is_staging(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "staging"
