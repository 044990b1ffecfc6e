"""Where the embedded server lives, and as whom it runs.

::

    .wave/postgres/            the home; 0700. As root: a link to /var/lib/wave-runner/<id>, 0710, owned by root
        users.lock             held, shared, by every process that uses the server
        start.lock             held by the one process that makes or starts it
        keeper.lock            held by the keeper
        server.lock            held by the server and all its processes
        passwords.json         0600
        project                of root's: the `.wave` folder that links here
        data/  socket/  log/   0700, owned by the account that the server runs under
        upgrade/               a home of its own, in which `wave db upgrade` makes the new data
        upgraded/  data-N/     for a moment the new data; then the old, made by PostgreSQL N, until somebody deletes it

PostgreSQL refuses to run as root. As root the server therefore runs under an unprivileged account, which can enter
nothing but the three folders of its own; all else in the home belongs to root, so that the account cannot trick root
into writing somewhere else.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wave_runner.errors import EmbeddedDatabaseError
from wave_runner.store.embedded_binaries import Binaries, copied_to, open_to_everyone, runnable_by_everyone
from wave_runner.store.embedded_keeper import is_file_of, try_lock

# An account made for us is the safest: nobody else runs as it. Then the one that exists to own databases; what runs
# as it is another PostgreSQL, kept by people who may read databases anyway. `nobody` is last, since careless services
# share it. A number without an account would be safer than both, but initdb refuses to run without a name.
ACCOUNTS = ("wave-runner", "postgres", "nobody")

# Root's homes cannot lie in `.wave`, because the account could not get there without opening the folders above it.
# Read-only containers often leave only one of these writable.
BASES = (Path("/var/lib/wave-runner"), Path("/opt/wave-runner"), Path("/var/tmp/wave-runner"))  # noqa: S108 checked to be root's alone

# struct sockaddr_un holds 108 bytes with the closing zero.
LONGEST_SOCKET = 107
OTHER_SERVER = "or set WAVE_DATABASE_URL to a PostgreSQL server (15 or newer)"


@dataclass(frozen=True, kw_only=True)
class Account:
    """Whom the server runs as."""

    uid: int
    gid: int

    def start_options(self) -> dict[str, Any]:
        """What `subprocess` needs to start a process as this account; nothing if we are it."""
        if os.geteuid() == self.uid:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def owns(self, folder: Path) -> bool:
        """Whether `folder` is really a folder, this account's, and closed to all others."""
        try:
            status = folder.lstat()
        except FileNotFoundError:
            return False
        return stat.S_ISDIR(status.st_mode) and status.st_uid == self.uid and not status.st_mode & 0o077


@dataclass(frozen=True, kw_only=True)
class Home:
    """The folder of one embedded database."""

    path: Path
    account: Account

    @property
    def data(self) -> Path:
        return self.path / "data"

    @property
    def upgraded(self) -> Path:
        return self.path / "upgraded"

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def passwords(self) -> Path:
        return self.path / "passwords.json"

    def note_project(self, wave_dir: Path) -> None:
        """Write down whose home this is, for those of root: they lie elsewhere."""
        with os.fdopen(self.open_file("project", os.O_WRONLY | os.O_TRUNC), "w") as file:
            file.write(f"{wave_dir.resolve()}\n")

    def make_folder(self, name: str) -> Path:
        """A folder of the account's own, 0700, made if missing."""
        folder = self.path / name
        if not self.account.owns(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            os.chown(folder, self.account.uid, self.account.gid, follow_symlinks=False)
        return folder

    def open_file(self, name: str, flags: int = os.O_RDWR) -> int:
        """A descriptor of a file that only the home's owner can read, made if missing."""
        fd = os.open(self.path / name, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        if os.geteuid() == 0:  # root may work in the home of an ordinary user, who must keep access
            owner = self.path.stat()
            os.fchown(fd, owner.st_uid, owner.st_gid)
        return fd

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[int]:
        """`open_file`, closed at the end; a lock taken on it ends with it, unless a child has inherited it."""
        fd = self.open_file(name)
        try:
            yield fd
        finally:
            os.close(fd)

    def locked_file(self, name: str, operation: int, *, patience: float, waiting_for: str) -> int:
        """A descriptor that holds the lock on the file `name`, waiting up to `patience` seconds for it."""
        deadline = time.monotonic() + patience
        while True:
            fd = self.open_file(name)
            if try_lock(fd, operation) and is_file_of(fd, self.path / name):
                return fd
            os.close(fd)
            if time.monotonic() > deadline:
                raise EmbeddedDatabaseError(
                    f"{self.path} is still locked after {patience:.0f} s, waiting for {waiting_for}",
                    hint=f"see which process holds it: fuser {self.path / name}",
                )
            time.sleep(0.01)

    @contextlib.contextmanager
    def starting(self) -> Iterator[None]:
        """Only one process at a time makes or starts the server."""
        patience = 300  # a first start on a slow disk, or recovery after a crash
        fd = self.locked_file("start.lock", fcntl.LOCK_EX, patience=patience, waiting_for="another start to end")
        try:
            yield
        finally:
            os.close(fd)

    def binaries(self, found: Binaries) -> Binaries:
        """The binaries, from a place where the account can run them."""
        if os.geteuid() != 0 or runnable_by_everyone(found):
            return found
        store = _base() / "binaries"
        store.mkdir(mode=0o755, exist_ok=True)
        store.chmod(0o755)
        return copied_to(store, found)

    def socket_folder(self, port: int) -> Path:
        """The server's socket folder: in the home, or in a short private one where that path would not do."""
        if _fits(self.path / "socket", port):
            return self.make_folder("socket")
        link = self._short_socket
        if link.is_symlink() and self.account.owns(link.readlink()):
            return link.readlink()
        link.unlink(missing_ok=True)
        link.symlink_to(self._new_short_folder(port))
        return link.readlink()

    @property
    def _short_socket(self) -> Path:
        """The link to the short folder, named after this very folder.

        A copy of the project has a copy of the link, and must not take over the sockets of the original.
        """
        return self.path / f"short-socket-{self.path.stat().st_ino}"

    def _new_short_folder(self, port: int) -> Path:
        places = [os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp"]  # noqa: S108 a random name, 0700
        for place in filter(None, places):
            if os.access(place, os.W_OK | os.X_OK) and _fits(Path(place) / "wave-12345678", port):
                folder = Path(tempfile.mkdtemp(prefix="wave-", dir=place))
                os.chown(folder, self.account.uid, self.account.gid)
                return folder
        raise EmbeddedDatabaseError(
            f"the path of {self.path} cannot hold a socket (at most {LONGEST_SOCKET} bytes, no comma), and no"
            " folder for temporary files can",
            hint=f"move the project to a shorter path, {OTHER_SERVER}",
        )

    def remove(self) -> None:
        """Delete everything in the home, and the home."""
        link = self._short_socket
        if link.is_symlink() and self.account.owns(link.readlink()):
            shutil.rmtree(link.readlink())
        # Away first, as a whole: another remover would put a lock file of its own into a home that is half gone.
        going = self.path.with_name(f"{self.path.name}-{secrets.token_hex(4)}-removed")
        self.path.rename(going)
        shutil.rmtree(going)


def _fits(folder: Path, port: int) -> bool:
    # A comma separates hosts in what clients are told, and no way to write it otherwise is known to libpq.
    return len(os.fsencode(folder / f".s.PGSQL.{port}")) <= LONGEST_SOCKET and "," not in str(folder)


def find_home(wave_dir: Path) -> Home | None:
    """The home that `wave_dir` holds or points to, if there is one."""
    pointer = wave_dir / "postgres"
    try:
        path = pointer.resolve(strict=True)
        owner = path.stat()
        # Only root's homes have another owner inside than outside, and lie elsewhere than the project.
        runs_as = (path / "log").stat() if owner.st_uid == 0 else owner
        made_for = Path((path / "project").read_text().removesuffix("\n")) if owner.st_uid == 0 else wave_dir
    except FileNotFoundError as error:
        if pointer.is_symlink():
            raise _lost(pointer) from error
        return None
    except PermissionError as error:
        raise _strangers(wave_dir) from error
    if os.geteuid() not in (0, owner.st_uid):
        raise _strangers(wave_dir)
    home = Home(path=path, account=Account(uid=runs_as.st_uid, gid=runs_as.st_gid))
    if made_for.resolve() != wave_dir.resolve():
        _check_is_no_copy(pointer, made_for, home)
        home.note_project(wave_dir)
    return home


def _check_is_no_copy(pointer: Path, made_for: Path, home: Home) -> None:
    """Raise EmbeddedDatabaseError if two projects' links lead to one home: the copy would change the original's data.

    That it is root's home, and so outside the project, is what makes this possible.
    """
    place = pointer.parent.resolve()
    with contextlib.suppress(OSError):  # it is gone: the project was moved, not copied
        if (made_for / pointer.name).samefile(home.path) and not made_for.samefile(place):
            raise EmbeddedDatabaseError(
                f"{place.parent} is a copy of {made_for.parent}, and its {pointer.name} leads to the same database",
                hint=f"work in {made_for.parent}, or remove the link {pointer} to begin with an empty database",
            )


def _strangers(wave_dir: Path) -> EmbeddedDatabaseError:
    return EmbeddedDatabaseError(
        f"the database in {wave_dir} belongs to another user",
        hint=f"run wave as the user who made it, {OTHER_SERVER}",
    )


def _lost(pointer: Path) -> EmbeddedDatabaseError:
    return EmbeddedDatabaseError(
        f"{pointer} points to a database that is gone: {pointer.readlink()}",
        hint="bring that folder back (in a container, keep it on a volume), or remove the link to begin with an empty"
        " database",
    )


def open_home(wave_dir: Path) -> Home:
    """The home of the project's embedded database, made if there is none yet."""
    if "\n" in str(wave_dir.absolute()):
        raise EmbeddedDatabaseError(f"PostgreSQL cannot live below a folder with a line break in its name: {wave_dir}")
    try:
        wave_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        home = find_home(wave_dir) or (_make_roots_home(wave_dir) if os.geteuid() == 0 else _make_home(wave_dir))
        os.close(home.open_file("start.lock"))
    except OSError as error:
        raise EmbeddedDatabaseError(
            f"the database cannot be kept in {wave_dir}: {error}",
            hint=f"make the folder writable for the user who runs wave, {OTHER_SERVER}",
        ) from error
    return home


def _make_home(wave_dir: Path) -> Home:
    home = Home(path=wave_dir.resolve() / "postgres", account=Account(uid=os.geteuid(), gid=os.getegid()))
    home.path.mkdir(mode=0o700, exist_ok=True)
    return home


def _make_roots_home(wave_dir: Path) -> Home:
    account = _unprivileged_account()
    path = _base() / secrets.token_hex(6)
    path.mkdir(mode=0o700)
    home = Home(path=path, account=account)
    try:
        for name in ("socket", "log"):
            home.make_folder(name)
    except OSError as error:
        shutil.rmtree(path)
        raise EmbeddedDatabaseError(
            f"PostgreSQL does not run as root, and this root may not hand a folder to another account: {error}",
            hint=f"give the container the right to (CAP_CHOWN, CAP_SETUID, CAP_SETGID, and accounts in its user"
            f" namespace), run wave as an ordinary user, {OTHER_SERVER}",
        ) from error
    home.note_project(wave_dir)
    os.chown(path, 0, account.gid)
    path.chmod(0o710)
    try:
        (wave_dir / "postgres").symlink_to(path)
    except FileExistsError:  # another process was faster: its home counts
        shutil.rmtree(path)
        return open_home(wave_dir)
    return home


def _unprivileged_account() -> Account:
    for name in ACCOUNTS:
        with contextlib.suppress(KeyError):  # no such account here: try the next
            entry = pwd.getpwnam(name)
            if entry.pw_uid != 0:
                return Account(uid=entry.pw_uid, gid=entry.pw_gid)
    raise EmbeddedDatabaseError(
        f"PostgreSQL does not run as root, and there is no unprivileged account for it ({', '.join(ACCOUNTS)})",
        hint=f"make one (useradd --system {ACCOUNTS[0]}), run wave as an ordinary user, {OTHER_SERVER}",
    )


def _base() -> Path:
    """The folder of all homes of root on this machine: root's alone, but with a way through for the accounts."""
    for base in BASES:
        try:
            base.mkdir(mode=0o711, exist_ok=True)
            status = base.lstat()
            if stat.S_ISDIR(status.st_mode) and status.st_uid == 0 and not status.st_mode & 0o022:
                base.chmod(0o711)
                if open_to_everyone(base):
                    return base
        except OSError:
            continue  # read-only, or its parent is missing: the next may do
    raise EmbeddedDatabaseError(
        f"no place for root's databases: none of {', '.join(map(str, BASES))} can be made and reached",
        hint=f"run wave as an ordinary user, {OTHER_SERVER}",
    )
