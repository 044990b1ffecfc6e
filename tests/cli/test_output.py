"""What is printed: to a pipe, to a terminal, as JSON."""

import json
import os
import pty
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.cli import output
from wave_runner.reports import documents

LARGE = 2**63 - 1


@dataclass(frozen=True)
class Found:
    run_id: int
    n: int
    at: datetime


def test_a_pipe_gets_every_column_whole_and_tab_separated(capsys):
    wide = "x" * 500
    output.show(("id", "text"), [{"id": 1, "text": wide, "more": "not asked for"}], "wave.test.v1")
    assert capsys.readouterr().out == f"id\ttext\n1\t{wide}\n"


def test_a_document_has_its_schema_first_and_its_ids_as_texts(capsys):
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    output.show(("n",), [{"n": 2, "record_id": LARGE, "found": Found(LARGE, 3, moment)}], "wave.test.v1", as_json=True)
    text = capsys.readouterr().out
    assert text.startswith('{"schema": "wave.test.v1", ')
    assert json.loads(text)["rows"] == [
        {
            "n": 2,
            "record_id": str(LARGE),
            "found": {"run_id": str(LARGE), "n": 3, "at": "2026-01-02T03:04:05+00:00"},
        }
    ]


def test_values_that_json_does_not_know_are_written_as_texts():
    assert documents.plain({"a": b"\x01\xff", "b": UUID(int=1), "c": None, "d": True, "e": 1.5, "f": (1, "x")}) == {
        "a": "01ff",
        "b": "00000000-0000-0000-0000-000000000001",
        "c": None,
        "d": True,
        "e": 1.5,
        "f": [1, "x"],
    }


@given(st.text())
def test_no_text_of_a_record_can_break_a_line_or_steer_a_terminal(text):
    cell = output.cell(text)
    assert len(cell) == len(text)
    assert not any(character in cell for character in "\t\n\r\x1b\x07\x9b\u2028")
    assert cell.isprintable()


@given(st.recursive(st.text(st.characters()), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_a_document_is_one_line_that_steers_no_terminal_and_holds_the_texts_as_they_are(value):
    text = output.in_json(value)
    assert text.isprintable()
    assert json.loads(text) == value


def test_a_block_keeps_its_lines_and_tabs_and_loses_what_steers_a_terminal(capsys):
    output.block("-\told\n+\tnew\x1b[31m\n")
    assert capsys.readouterr().out == "-\told\n+\tnew [31m\n"


@pytest.mark.parametrize(
    ("us", "said"),
    [
        (None, ""),
        (0, "0 µs"),
        (740, "740 µs"),
        (1_500, "1.5 ms"),
        (999_949, "999.9 ms"),
        (999_960, "1.0 s"),
        (3_249_000, "3.2 s"),
        (725_000_000, "12 min 5 s"),
        (7_260_000_000, "2 h 1 min"),
    ],
)
def test_a_time_is_said_in_the_unit_that_fits_it(us, said):
    assert output.duration(us) == said


@pytest.mark.parametrize(("value", "said"), [(None, ""), (0.0, "0.0 %"), (99.96, "100.0 %"), (12.34, "12.3 %")])
def test_a_percentage_of_nothing_is_nothing(value, said):
    assert output.percent(value) == said


PROGRAM = """
from wave_runner.cli import output
from wave_runner.reports import documents
output.table(("id", "text"), [{"id": 7, "text": "[bold]not markup[/bold] \\x1b[31m"}], title="things")
"""


def on_a_terminal(program=PROGRAM, **environment):
    """What a program prints when its standard output is a terminal."""
    ours, theirs = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR", "TERM"}}
    process = subprocess.Popen([sys.executable, "-c", program], stdout=theirs, env=kept | environment)
    os.close(theirs)
    printed = b""
    try:
        while chunk := os.read(ours, 4096):
            printed += chunk
    except OSError:
        pass  # what a terminal says when its last writer has gone
    finally:
        os.close(ours)
    assert process.wait() == 0
    return printed.decode()


def test_a_terminal_gets_a_table_in_which_a_text_stays_a_text():
    printed = on_a_terminal(TERM="xterm-256color")
    assert "\x1b[1m" in printed
    assert "[bold]not markup[/bold]  [31m" in printed
    assert "\t" not in printed


def test_csv_for_a_terminal_steers_it_no_more_than_a_table_does():
    program = "from wave_runner.cli import compare; compare._put('a,\x1b]0;owned\x07b\\r\\nc,d\\r\\n', None)"
    assert on_a_terminal(program).splitlines() == ["a, ]0;owned b", "c,d"]


def test_no_color_is_honoured():
    printed = on_a_terminal(TERM="xterm-256color", NO_COLOR="1")
    assert "not markup" in printed
    assert "\x1b[36m" not in printed
    assert "\x1b[1;36m" not in printed
    assert "\x1b[1;36m" in on_a_terminal(TERM="xterm-256color")
