import pytest

from wave_runner.core.workflow import ScriptSpec
from wave_runner.project.manifest import ManifestError, imported_names, script_files

FILES = {
    "actors/__init__.py": b"",
    "actors/main.py": b"import json\n",
    "actors/other.py": b"",
    "actors/lib/__init__.py": b"from .inner import x\n",
    "actors/lib/inner.py": b"x = 1\n",
    "actors/lib/unused.py": b"",
    "actors/lib/up.py": b"from ..other import z\n",
    "sql/a.sql": b"SELECT 1",
    "sql/b.sql": b"SELECT 2",
    "top.py": b"import actors.other\n",
}


def manifest(code: str, **settings) -> set[str]:
    script = ScriptSpec(name="main", entry="actors/main.py", **settings)
    return set(script_files(FILES | {"actors/main.py": code.encode()}, script)) - {
        "actors/main.py",
        "actors/__init__.py",
    }


LIB = {"actors/lib/__init__.py", "actors/lib/inner.py"}


@pytest.mark.parametrize(
    ("code", "files"),
    [
        ("", set()),
        ("import json, os.path", set()),
        ("from actors import other", {"actors/other.py"}),
        ("from . import other", {"actors/other.py"}),
        ("import other", {"actors/other.py"}),
        ("from .lib import x", LIB),
        ("import actors.lib.inner", LIB),
        ("from actors.lib.unused import y", LIB | {"actors/lib/unused.py"}),
        ("import actors.lib.up", LIB | {"actors/lib/up.py", "actors/other.py"}),
        ("def f():\n    if True:\n        from .other import z", {"actors/other.py"}),
        ("from actors.other import *", {"actors/other.py"}),
        ("import top", {"top.py", "actors/other.py"}),
        ("from ...beyond import x", set()),
    ],
)
def test_every_module_that_an_import_can_reach_is_in(code, files):
    assert manifest(code) == files


def test_the_packages_that_a_script_lies_in_are_in():
    files = {"actors/__init__.py": b"from . import setup", "actors/setup.py": b"", "actors/main.py": b""}
    assert set(script_files(files, ScriptSpec(name="main", entry="actors/main.py"))) == set(files)


def test_modules_that_import_each_other_end():
    files = {"actors/a.py": b"from . import b", "actors/b.py": b"from . import a"}
    assert set(script_files(files, ScriptSpec(name="a", entry="actors/a.py"))) == {"actors/a.py", "actors/b.py"}


def test_files_that_the_settings_name_are_in_with_what_they_import():
    assert manifest("", files=("sql/a.sql",)) == {"sql/a.sql"}
    assert manifest("", files=("sql/",)) == {"sql/a.sql", "sql/b.sql"}
    assert manifest("", files=("top.py",)) == {"top.py", "actors/other.py"}


def test_an_executable_is_itself_and_what_its_settings_name():
    files = {"actors/run": b"#!/bin/sh\n", "actors/other.py": b"", "sql/a.sql": b""}
    script = ScriptSpec(name="run", entry="actors/run", executable=True, files=("sql/",))
    assert set(script_files(files, script)) == {"actors/run", "sql/a.sql"}


def test_code_that_cannot_be_read_is_named_with_its_line():
    with pytest.raises(ManifestError, match="no Python") as caught:
        manifest("import json\nimport (")
    assert (caught.value.path, caught.value.line) == ("actors/main.py", 2)
    with pytest.raises(ManifestError, match="no Python"):
        manifest("x = '\0'")


def test_the_names_that_a_module_imports_are_listed():
    code = b"import a.b, c\nfrom d.e import f\nfrom . import g\n"
    assert list(imported_names("x.py", code)) == [("a", 1), ("c", 1), ("d", 2)]
