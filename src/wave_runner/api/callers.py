"""Who asks: a person, known by an access token, or by the cookie of a session that was opened with one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from wave_runner.core.access import MAY, Action, Denial, Role, csrf_of, digest, is_same, read
from wave_runner.store import access

if TYPE_CHECKING:
    from wave_runner.store.access import Known
    from wave_runner.store.database import Database


@dataclass(frozen=True, kw_only=True)
class Own:
    """A token that no table has: the one that was made at this start, or the one that is set.

    `local` is the one that was made: it is for this machine, opens sessions, and one process knows it.
    """

    person: str
    role: Role
    sha256: bytes
    local: bool = False


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A person who asks, in a role. `session_id` and `csrf` are those of a session; with a token there is none.

    One of `token_id` and `own_sha256` says which token it is, or which one the session was opened with. `local`: it is
    one that only this machine knows.
    """

    person: str
    role: Role
    token_id: int | None = None
    own_sha256: bytes | None = None
    session_id: int | None = None
    csrf: str | None = None
    expires_at: datetime | None = None
    local: bool = False

    def may(self, action: Action) -> bool:
        """Say whether this role allows that."""
        return action in MAY[self.role]


@dataclass(frozen=True, kw_only=True)
class Callers:
    """Finds out who asks. `own` are the tokens of this process, `cookie` is the name that sessions are kept under.

    Cookies know no ports: what this process alone knows is kept under a name that has its `port`.
    """

    database: Database
    own: Sequence[Own]
    cookie: str
    port: int

    def cookie_of(self, scheme: str, *, local: bool) -> str:
        """Return the name of the cookie: where it is read over TLS alone, no other host can set it."""
        name = f"{self.cookie}-{self.port}" if local else self.cookie
        return f"__Host-{name}" if scheme == "https" else name

    async def by_token(self, text: str) -> Caller | Denial:
        """Return who was given a token."""
        sha256 = digest(text)
        for own in self.own:
            if is_same(own.sha256, sha256):
                return Caller(person=own.person, role=own.role, own_sha256=own.sha256, local=own.local)
        if (found := read(text)) is None:
            return Denial.UNKNOWN
        number, secret = found
        known = await access.of_token(self.database, number, sha256=digest(secret))
        if (denial := _denial(known, secret)) or known is None:
            return denial or Denial.UNKNOWN
        assert known.person is not None
        assert known.role is not None
        return Caller(person=known.person, role=known.role, token_id=known.token_id, expires_at=known.expires_at)

    async def by_cookies(self, cookies: Mapping[str, str], scheme: str) -> Caller | Denial:
        """Return whose session one of these cookies is."""
        found: Caller | Denial = Denial.NO_TOKEN
        for local in (True, False):
            text = cookies.get(self.cookie_of(scheme, local=local))
            if text is not None and not isinstance(found := await self._by_cookie(text), Denial):
                break
        return found

    async def _by_cookie(self, text: str) -> Caller | Denial:
        if (found := read(text)) is None:
            return Denial.UNKNOWN
        number, secret = found
        known = await access.of_session(self.database, number, sha256=digest(secret))
        if (denial := _denial(known, secret)) or known is None:
            return denial or Denial.UNKNOWN
        person, role, local = known.person, known.role, False
        if known.own_sha256 is not None:
            opened_with = next((own for own in self.own if is_same(own.sha256, known.own_sha256)), None)
            if opened_with is None:
                return Denial.ENDED  # the process that knew its token has ended
            person, role, local = opened_with.person, opened_with.role, opened_with.local
        assert person is not None
        assert role is not None
        return Caller(
            person=person,
            role=role,
            token_id=known.token_id,
            own_sha256=known.own_sha256,
            session_id=number,
            csrf=csrf_of(secret),
            expires_at=known.expires_at,
            local=local,
        )


def _denial(known: Known | None, secret: str) -> Denial | None:
    # What it was is said to nobody but to who has the secret.
    if known is None or not is_same(known.sha256, digest(secret)):
        return Denial.UNKNOWN
    if known.revoked:
        return Denial.REVOKED
    if known.ended:
        return Denial.ENDED
    return Denial.EXPIRED if known.expired else None


def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


Asking = Annotated[Caller, Depends(_caller)]
"""Who asks, as the gate has found out."""
