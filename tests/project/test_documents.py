from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.errors import ProjectError
from wave_runner.project.toml_text import read_toml
from wave_runner.project.yaml_text import read_yaml

TEXT = b"""\
# a comment
title = "x"

[models . judge]
model = "m"
options.temperature = 0.5
text = '''
[not.a.table]
'''

[models.judge.limits]
"odd key" = 1
"""


@pytest.mark.parametrize(
    ("at", "line"),
    [
        (("title",), 2),
        (("models",), 4),
        (("models", "judge"), 4),
        (("models", "judge", "options", "temperature"), 6),
        (("models", "judge", "limits", "odd key"), 12),
        (("models", "judge", "missing"), 4),
        (("missing",), 1),
    ],
)
def test_a_place_has_the_line_it_stands_on_or_that_of_what_holds_it(at, line):
    assert read_toml(Path("wave.toml"), TEXT).line(at) == line


def line_refused(read, content: bytes) -> int | None:
    """Return the line of the error, or None where the content is read."""
    try:
        read(Path("file"), content)
    except ProjectError as error:
        return error.line
    return None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_with_a_line(content):
    for read in (read_toml, read_yaml):
        assert line_refused(read, content) in (None, *range(1, len(content) + 2))


@given(st.text(alphabet="ab:-[]{}&*!|>'\"\n #?,\t0.\x85\u2028", max_size=60))
def test_any_text_is_yaml_as_we_take_it_or_refused_with_a_line(text):
    assert line_refused(read_yaml, text.encode()) in (None, *range(1, len(text) + 2))
