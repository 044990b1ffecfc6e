"""Documents as programs: what a page tells its reader to type and to write is done, in order, in an empty folder.

In a page of Markdown

* a block marked ``console`` is a session. A line that starts with ``$ `` is a command, ``> `` goes on with it, and any
  other line is output that the command must print: in this order, others may stand between, ``…`` is any text;
* a block with ``title="some/file"`` in its first line is that file, written when the reader reaches it;
* a block marked otherwise (``sh``, ``text``, ``yaml`` …) is only shown.

Every command must end with exit code 0. The commands of one page share one shell, so `cd` and variables last.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,})(?P<language>[\w+-]*)(?P<rest>.*)$")
_TITLE = re.compile(r'title="(?P<path>[^"]+)"')
_MARK = "\x1e"


class DocumentError(AssertionError):
    """A page says something that is not so; the message names the page, the line, and what was found instead."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block: the line (1-based) its text starts on, its language, and the file it stands for, if any."""

    line: int
    language: str
    path: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Command:
    """What the reader types, and the lines it is said to print."""

    line: int
    text: str
    expected: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class NewFile:
    """A file that the reader writes, relative to where the commands before have led."""

    line: int
    path: str
    text: str

    @property
    def as_command(self) -> str:
        """Say the same in shell."""
        path = shlex.quote(self.path)
        return f'mkdir -p "$(dirname {path})" && printf %s {shlex.quote(self.text)} >{path}'


def blocks(markdown: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page; one that never ends is an error, for it hides what follows."""
    lines = iter(enumerate(markdown.splitlines(), start=1))
    for number, line in lines:
        opening = _FENCE.match(line)
        if not opening:
            continue
        text = list(_until(lines, opening["fence"], opened=number))
        title = _TITLE.search(opening["rest"])
        yield Block(
            line=number + 1,
            language=opening["language"],
            path=title["path"] if title else "",
            text="".join(f"{kept.removeprefix(opening['indent'])}\n" for kept in text),
        )


def _until(lines: Iterator[tuple[int, str]], fence: str, *, opened: int) -> Iterator[str]:
    for _, line in lines:
        if line.strip() == fence:
            return
        yield line
    raise DocumentError(f"line {opened}: the block that starts here has no end")


def steps(markdown: str) -> list[Command | NewFile]:
    """What the reader of a page does, in order."""
    found: list[Command | NewFile] = []
    for block in blocks(markdown):
        if block.path:
            found.append(NewFile(line=block.line, path=block.path, text=block.text))
        elif block.language == "console":
            found.extend(_session(block))
    return found


def _session(block: Block) -> list[Command]:
    commands: list[Command] = []
    for number, line in enumerate(block.text.splitlines(), start=block.line):
        if line.startswith("$ "):
            commands.append(Command(line=number, text=line.removeprefix("$ ")))
        elif not commands:
            raise DocumentError(f"line {number}: a console block starts with a command, '$ …', not with: {line}")
        elif (line == ">" or line.startswith("> ")) and not commands[-1].expected:
            last = commands.pop()
            commands.append(Command(line=last.line, text=f"{last.text}\n{line[2:]}"))
        elif line.strip():
            commands[-1].expected.append(line.rstrip())
    return commands


def follow(page: Path, *, folder: Path, deadline_s: float = 240, commands: Path | None = None) -> None:
    """Do what `page` says in `folder`, which is also the home folder; raise `DocumentError` where it is wrong.

    `commands` is a folder with commands that come before those of this installation.
    """
    todo = steps(page.read_text(encoding="utf-8"))
    if not todo:
        return
    said = _run(todo, folder=folder, deadline_s=deadline_s, commands=commands)
    for step, (exit_code, output) in zip(todo, said, strict=False):
        if exit_code != "0":
            raise DocumentError(f"{page}:{step.line}: exit code {exit_code} from\n{_told(step)}\n{output}")
        if isinstance(step, Command):
            _check_output(step, output, page)
    if len(said) < len(todo):
        step = todo[len(said)]
        raise DocumentError(
            f"{page}:{step.line}: no end within {deadline_s:g} s, or the shell was left by\n{_told(step)}"
        )


def _run(
    todo: list[Command | NewFile], *, folder: Path, deadline_s: float, commands: Path | None
) -> list[tuple[str, str]]:
    """Give (exit code, output) of each step that came to an end."""
    # A file, not a pipe: what a command leaves running in the background may hold it open.
    transcript = folder / ".transcript"
    with transcript.open("wb") as output:
        shell = subprocess.Popen(
            ["bash", "-c", _script(todo)],
            cwd=folder,
            env=_environment(folder, commands),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            shell.wait(timeout=deadline_s)
        except subprocess.TimeoutExpired:
            pass  # the step that did not end is missing from the transcript, and the caller says so
        finally:
            _end_group(shell)
    parts = transcript.read_text(encoding="utf-8", errors="replace").split(_MARK)
    return [(parts[at + 1], parts[at]) for at in range(0, len(parts) - 1, 2)]


def _script(todo: list[Command | NewFile]) -> str:
    """After each step a mark, its exit code and a mark again; a failure ends the script there."""
    report = f"__status=$?; printf '{_MARK}%d{_MARK}' $__status; [ $__status -eq 0 ] || exit 1"
    return "\n".join(f"{_told(step)}\n{report}" for step in todo)


def _told(step: Command | NewFile) -> str:
    return step.as_command if isinstance(step, NewFile) else step.text


def _environment(folder: Path, commands: Path | None) -> dict[str, str]:
    """What a reader has: the installed commands, a home folder, and nothing configured."""
    installed = Path(sys.executable).parent
    path = os.pathsep.join(str(part) for part in (commands, installed, os.environ["PATH"]) if part)
    # Where the model server that comes along cannot run, this names one that can.
    machine = {name: os.environ[name] for name in ("WAVE_LLAMA_SERVER",) if name in os.environ}
    return {"PATH": path, "HOME": str(folder), "LANG": "C.UTF-8", "TERM": "dumb", "NO_COLOR": "1", **machine}


def _end_group(shell: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):  # all of it may have ended already
        os.killpg(shell.pid, signal.SIGKILL)
    shell.wait()


def _check_output(command: Command, output: str, page: Path) -> None:
    printed = iter(output.splitlines())
    for expected in command.expected:
        pattern = ".*".join(re.escape(part) for part in expected.split("…"))
        if not any(re.fullmatch(pattern, line.rstrip()) for line in printed):
            raise DocumentError(
                f"{page}:{command.line}: `{command.text}` did not print, or not in this order:\n{expected}\n"
                f"It printed:\n{output}"
            )
