"""What `wave doctor` thinks of what it found: each check is fine, worth a look, or wrong, with what to do."""

from __future__ import annotations

import enum
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from wave_runner.core.database_roles import DatabaseRole, role_name
from wave_runner.core.drift import Drift
from wave_runner.core.sandbox import Host, Level, Sandbox

# What a clock may be wrong by before times that people compare mislead them; the engine itself uses the database's.
CLOCK_TOLERANCE = timedelta(seconds=5)
OLD_TRANSACTION_S = 300.0  # dead rows pile up behind it, and every claim walks over them
FEW_CONNECTIONS = 5
# PostgreSQL stops writing at two thousand millions; autovacuum should have frozen long before.
OLD_XID = 1_000_000_000
LITTLE_DISK, NO_DISK = 5 * 1024**3, 512 * 1024**2  # bytes


class Verdict(enum.StrEnum):
    """What a check has come to."""

    OK = "ok"
    WARNING = "warning"  # works, and somebody should look
    FAILURE = "failure"  # something that must be true is not


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was looked at: its name, what was found, and what to do where it is not fine."""

    name: str
    verdict: Verdict
    found: str
    fix: str = ""


@dataclass(frozen=True, kw_only=True)
class Server:
    """What a database server says of itself. Sizes in bytes, ages in seconds."""

    database: str
    role: str
    version: str
    now: datetime
    fsync: str
    full_page_writes: str
    synchronous_commit: str
    data_checksums: str
    autovacuum: str
    superuser: bool
    may_change_events: bool
    connections_free: int
    oldest_transaction_s: float
    oldest_transaction_of: str
    xid_age: int
    size: int


def server_checks(server: Server, *, here: datetime) -> Iterator[Check]:
    """Yield what the settings of a database server mean for the promises made on it. `here` is this host's time."""
    yield _ok("database", f"PostgreSQL {server.version}, database {server.database}, {size(server.size)}")
    yield from _durability(server)
    yield from _rights(server)
    yield _clock(server.now - here)
    yield from _room(server)


def _durability(server: Server) -> Iterator[Check]:
    for name, value in (("fsync", server.fsync), ("full_page_writes", server.full_page_writes)):
        if value == "on":
            yield _ok(name, "on")
        else:
            found = f"{value}: a power failure can lose or garble what was recorded"
            yield Check(
                name=name, verdict=Verdict.FAILURE, found=found, fix=f"ALTER SYSTEM SET {name} = on, and reload"
            )
    if server.synchronous_commit == "off":
        found = "off: what was said to be done in the last moments before a crash of the server can be gone"
        fix = "ALTER ROLE … SET synchronous_commit = on"
        yield Check(name="synchronous_commit", verdict=Verdict.WARNING, found=found, fix=fix)
    else:
        yield _ok("synchronous_commit", server.synchronous_commit)
    if server.data_checksums == "on":
        yield _ok("data_checksums", "on")
    else:
        found = f"{server.data_checksums}: a damaged page is not noticed when it is read"
        fix = "pg_checksums --enable, while the server is stopped"
        yield Check(name="data_checksums", verdict=Verdict.WARNING, found=found, fix=fix)


def _rights(server: Server) -> Iterator[Check]:
    if server.superuser:
        found = f"{server.role} is a superuser: nothing but a trigger keeps it from changing events"
        fix = "use a role of its own, with NOSUPERUSER, that owns the schema"
        yield Check(name="role", verdict=Verdict.WARNING, found=found, fix=fix)
    elif server.may_change_events:
        found = f"{server.role} may change or delete events"
        fix = "REVOKE UPDATE, DELETE, TRUNCATE ON interaction_events, and find out who granted it"
        yield Check(name="role", verdict=Verdict.FAILURE, found=found, fix=fix)
    else:
        yield _ok("role", f"{server.role} can add events, and cannot change or delete them")


@dataclass(frozen=True, kw_only=True)
class Rights:
    """What the user who asks may do in a project's schema, and who asks the project's queries.

    `owner` is whose the tables are; `lacking` is what a runner needs and this user has not, as "UPDATE on waves".
    `comes_along`: the database is the one that comes with the package, which belongs to this project alone.
    """

    schema: str
    role: str
    owner: str
    owns: bool
    writes: bool
    lacking: Sequence[str]
    query_role: str
    query_reads_all: bool
    comes_along: bool


def rights_checks(rights: Rights) -> Iterator[Check]:
    """Yield what it means for the promises, who connects to the database. One user for everything is worth a look."""
    if rights.comes_along:
        yield _ok("roles", "one user for everything, in a database that is this project's alone")
        return
    parted = "docs/how-to/deploy.md, Who may do what in the database, says how they are parted"
    if rights.owns:
        found = f"{rights.role} works, and owns the tables besides: it can give itself back what it has given up"
        fix = f"connect as a member of {role_name(rights.schema, DatabaseRole.RUNNER)}: {parted}"
        yield Check(name="roles", verdict=Verdict.WARNING, found=found, fix=fix)
    elif not rights.writes:
        yield _ok("roles", f"{rights.role} only reads; the tables belong to {rights.owner}")
    elif rights.lacking:
        found = f"{rights.role} lacks {', '.join(rights.lacking)}"
        fix = f"wave db migrate, with the address of {rights.owner} or of a member of it"
        yield Check(name="roles", verdict=Verdict.FAILURE, found=found, fix=fix)
    else:
        yield _ok("roles", f"{rights.role} works, and the tables belong to {rights.owner}")
    if not rights.writes:
        return  # whoever only reads asks none
    if rights.query_reads_all:
        found = f"the project's queries are asked as {rights.query_role}, and may read all that it may"
        fix = f"WAVE_DATABASE_QUERY_URL for a member of {role_name(rights.schema, DatabaseRole.QUERY)}: {parted}"
        yield Check(name="queries", verdict=Verdict.WARNING, found=found, fix=fix)
    else:
        yield _ok("queries", f"asked as {rights.query_role}, who reads no table of the engine's but records")


def _clock(ahead: timedelta) -> Check:
    seconds = abs(ahead.total_seconds())
    if abs(ahead) <= CLOCK_TOLERANCE:
        return _ok("clock", "this host and the database agree")
    found = f"this host and the database are {seconds:.0f} s apart; leases go by the database's clock alone"
    return Check(name="clock", verdict=Verdict.WARNING, found=found, fix="let both hosts set their clocks by NTP")


def _room(server: Server) -> Iterator[Check]:
    if server.autovacuum == "on":
        yield _ok("autovacuum", "on")
    else:
        found = f"{server.autovacuum}: dead rows stay, and every claim walks over them"
        yield Check(name="autovacuum", verdict=Verdict.FAILURE, found=found, fix="ALTER SYSTEM SET autovacuum = on")
    if server.oldest_transaction_s > OLD_TRANSACTION_S:
        found = f"{server.oldest_transaction_of} has one open for {server.oldest_transaction_s / 60:.0f} minutes"
        fix = "end it: until then no dead row can be cleaned away"
        yield Check(name="oldest_transaction", verdict=Verdict.WARNING, found=found, fix=fix)
    else:
        yield _ok("oldest_transaction", "none is old")
    if server.xid_age > OLD_XID:
        found = f"the oldest transaction number is {server.xid_age:,} back; at 2,000,000,000 the server stops writing"
        yield Check(
            name="wraparound", verdict=Verdict.FAILURE, found=found, fix="VACUUM (FREEZE), and see what holds it up"
        )
    else:
        yield _ok("wraparound", f"{server.xid_age:,} of 2,000,000,000")
    if server.connections_free < FEW_CONNECTIONS:
        found = f"{server.connections_free} left; a runner takes up to its setting `connections`, and one more"
        fix = "fewer runners, a smaller `connections`, or a larger max_connections"
        yield Check(name="connections", verdict=Verdict.WARNING, found=found, fix=fix)
    else:
        yield _ok("connections", f"{server.connections_free} left")


def disk_check(folder: str, free: int) -> Check:
    """Return what the free bytes where a project works mean."""
    if free >= LITTLE_DISK:
        return _ok("disk", f"{size(free)} free at {folder}")
    verdict = Verdict.WARNING if free >= NO_DISK else Verdict.FAILURE
    return Check(name="disk", verdict=verdict, found=f"{size(free)} free at {folder}", fix="make room there")


def runners_check(*, at_work: int, work_waits: bool) -> Check:
    """Return whether somebody does what waits."""
    if at_work:
        return _ok("runners", f"{at_work} at work")
    if not work_waits:
        return _ok("runners", "none at work, and nothing waits")
    fix = "wave runner, or wave run WORKFLOW --resume"
    return Check(name="runners", verdict=Verdict.WARNING, found="none at work, and work waits", fix=fix)


def log_check(alerts: Sequence[tuple[str, str]]) -> Check:
    """Return whether the log is sealed and signed. `alerts` are kinds and messages of what is wrong with it."""
    if not alerts:
        return _ok("log", "what is recorded is sealed and signed, as far as a runner was at work")
    stopped = [message for kind, message in alerts if kind == "log_stopped"]
    fix = "wave audit status says more"
    if stopped:
        fix = 'find out what was restored; then wave audit new-epoch --reason "…" --approve NAME'
    return Check(
        name="log",
        verdict=Verdict.FAILURE if stopped else Verdict.WARNING,
        found="; ".join(message for _, message in alerts),
        fix=fix,
    )


def projections_check(alerts: Sequence[tuple[str, str]]) -> Check:
    """Return whether what is folded from the log goes on. `alerts` are kinds and messages of what is wrong with it."""
    if not alerts:
        return _ok("projections", "what is sealed is folded, as far as a runner was at work")
    behind = all(kind == "projection_behind" for kind, _ in alerts)
    return Check(
        name="projections",
        verdict=Verdict.WARNING if behind else Verdict.FAILURE,
        found="; ".join(message for _, message in alerts),
        fix="wave projection status says more",
    )


def drift_check(drift: Drift) -> Check:
    """Return whether a folder, and the model servers, hold what is approved."""
    found = [
        *(f"{name} ({policy})" for name, policy in drift.actors.items()),
        *(f"workflow {name} ({policy})" for name, policy in drift.workflows.items()),
        *(f"the weights of {name} ({policy})" for name, policy in drift.weights.items()),
    ]
    if not found:
        return _ok("drift", "the folder holds what is approved")
    fix = "wave actors list --diff shows it; wave actors approve accepts it"
    return Check(name="drift", verdict=Verdict.WARNING, found=f"drifted: {', '.join(found)}", fix=fix)


def model_server_check(name: str, *, problem: str) -> Check:
    """Return whether a model server can be used from here. `problem` is "" where nothing keeps it from that."""
    if not problem:
        return _ok(f"server {name}", "can be used from here")
    fix = f"check [servers.{name}] in wave.toml; the work waits and nothing is lost"
    return Check(name=f"server {name}", verdict=Verdict.FAILURE, found=problem, fix=fix)


def sandbox_check(host: Host, sandboxes: Sequence[Sandbox]) -> Check:
    """Return which sandboxes this host has, and whether that is enough for these, of the project's scripts."""
    lacking = [one for one in sandboxes if one.missing]
    if lacking:
        found = f"do not run on this host: {', '.join(one.script for one in lacking)}"
        return Check(name="sandbox", verdict=Verdict.FAILURE, found=found, fix=lacking[0].missing)
    had = [level for level in (Level.OWN, Level.STRICT) if not host.lacks(level)]
    if not had:
        found = "scripts that ask for no sandbox run without one, as whoever started the runner"
        return Check(name="sandbox", verdict=Verdict.WARNING, found=found, fix=host.lacks(Level.OWN))
    least = [one.script for one in sandboxes if one.level is Level.NONE]
    without = f"; without one: {', '.join(least)}" if least else ""
    more = "" if Level.STRICT in had else f" (not `{Level.STRICT}`: {host.lacks(Level.STRICT)})"
    return _ok("sandbox", f"{' and '.join(f'`{one}`' for one in had)}, Landlock {host.landlock}{more}{without}")


def size(count: int) -> str:
    """Return a number of bytes as people read it."""
    for unit, of in (("GiB", 1024**3), ("MiB", 1024**2)):
        if count >= of:
            return f"{count / of:,.1f} {unit}"
    return f"{count / 1024:,.0f} KiB"


def _ok(name: str, found: str) -> Check:
    return Check(name=name, verdict=Verdict.OK, found=found)


def value_check(name: str, *, written: int, changed: int, gone: int, keys: Sequence[str]) -> Check:
    """Return what it means that values of a column are not those that were written. `keys` are some of the records."""
    if not changed:
        return Check(name=f"values {name}", verdict=Verdict.OK, found=f"{written} values stand as they were written")
    rows = f", {gone} of them because the row is gone" if gone else ""
    more = ", …" if changed > len(keys) else ""
    found = f"{changed} of {written} values are not those that were written{rows}: {', '.join(keys)}{more}"
    fix = f"see who wrote one, and what: wave explain {name} --record {shlex.quote(keys[0])}"
    return Check(name=f"values {name}", verdict=Verdict.WARNING, found=found, fix=fix)
