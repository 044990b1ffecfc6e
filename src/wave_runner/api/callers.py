"""Who asks: a person, known by an access token, or by the cookie of a session that was opened with one."""

from __future__ import annotations

from collections.abc import Sequence
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
    """A token that no table has: the one that was made at this start, or the one that is set. One process knows it."""

    person: str
    role: Role
    sha256: bytes


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A person who asks, in a role. `session_id` and `csrf` are those of a session; with a token there is none.

    One of `token_id` and `own_sha256` says which token it is, or which one the session was opened with.
    """

    person: str
    role: Role
    token_id: int | None = None
    own_sha256: bytes | None = None
    session_id: int | None = None
    csrf: str | None = None
    expires_at: datetime | None = None

    def may(self, action: Action) -> bool:
        """Say whether this role allows that."""
        return action in MAY[self.role]


@dataclass(frozen=True, kw_only=True)
class Callers:
    """Finds out who asks. `own` are the tokens of this process, `cookie` is the name that sessions are kept under."""

    database: Database
    own: Sequence[Own]
    cookie: str

    def cookie_of(self, scheme: str) -> str:
        """Return the name of the cookie: where it is read over TLS alone, no other host can set it."""
        return f"__Host-{self.cookie}" if scheme == "https" else self.cookie

    async def by_token(self, text: str) -> Caller | Denial:
        """Return who was given a token."""
        sha256 = digest(text)
        for own in self.own:
            if is_same(own.sha256, sha256):
                return Caller(person=own.person, role=own.role, own_sha256=own.sha256)
        if (found := read(text)) is None:
            return Denial.UNKNOWN
        number, secret = found
        known = await access.of_token(self.database, number, sha256=digest(secret))
        if (denial := _denial(known, secret)) or known is None:
            return denial or Denial.UNKNOWN
        assert known.person is not None
        assert known.role is not None
        return Caller(person=known.person, role=known.role, token_id=known.token_id, expires_at=known.expires_at)

    async def by_cookie(self, text: str) -> Caller | Denial:
        """Return whose session a cookie is."""
        if (found := read(text)) is None:
            return Denial.UNKNOWN
        number, secret = found
        known = await access.of_session(self.database, number)
        if (denial := _denial(known, secret)) or known is None:
            return denial or Denial.UNKNOWN
        person, role = known.person, known.role
        if known.own_sha256 is not None:
            opened_with = next((own for own in self.own if is_same(own.sha256, known.own_sha256)), None)
            if opened_with is None:
                return Denial.ENDED  # the process that knew its token has ended
            person, role = opened_with.person, opened_with.role
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
