"""What is said on standard error while a command works: a line for each thing, for people or for programs."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import click

from wave_runner.cli import output
from wave_runner.reports.documents import plain

TEXT, JSON = "text", "json"
IDS = ("run_id", "wave_id", "record_id", "interaction_id", "runner_id", "step")
"""What a line is about, as far as whoever says it knows."""

log_format_option = click.option(
    "--log-format",
    type=click.Choice([TEXT, JSON]),
    default=TEXT,
    envvar="WAVE_LOG_FORMAT",
    show_default=True,
    help="How warnings stand on standard error: as text, or each as a JSON document with the ids that it is about.",
)


def log_to_stderr(*, verbose: bool, log_format: str = TEXT) -> None:
    """Send warnings, one line each, to standard error; with `verbose` also what scripts say of their progress."""
    logging.basicConfig(level=logging.WARNING, handlers=[handler(log_format)])
    logging.getLogger("wave_runner").setLevel(logging.INFO if verbose else logging.WARNING)
    # Of a connection that is lost the driver warns by its objects' addresses; our own lines say what it means.
    logging.getLogger("psycopg").setLevel(logging.ERROR)


def handler(log_format: str) -> logging.Handler:
    """Return what writes a line for each warning to standard error."""
    made = logging.StreamHandler(sys.stderr)
    made.setFormatter(_Document() if log_format == JSON else _OneLine("%(levelname)s %(message)s"))
    return made


class _OneLine(logging.Formatter):
    """What is said comes from scripts, records and servers too: it stays in its line, and steers no terminal."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return " ".join(output.clean(super().formatMessage(record)).split())

    def formatException(self, ei: logging._SysExcInfoType) -> str:
        return output.lines(super().formatException(ei))


class _Document(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        said = {
            "at": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "pid": record.process,
            "message": " ".join(record.getMessage().split()),
            **{name: getattr(record, name) for name in IDS if getattr(record, name, None) is not None},
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return output.in_json(plain(said))
