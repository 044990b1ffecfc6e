"""Who may do what by HTTP: roles, what each may, what an access token looks like, and how often a refusal is told.

Of a secret only its SHA-256 is kept. It has 256 random bits, so that nothing is gained by a slower hash.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

SECRET_BYTES = 32
SESSION_S = 12 * 3600
"""How long a browser is known after it has shown an access token."""


class Action(enum.StrEnum):
    """What somebody wants. Each route needs one of these."""

    READ = "read"  # what the reports say
    OPERATE = "operate"  # orders about work: pause, retry, rerun; views that all see
    REVIEW = "review"  # decide tasks, approve what has changed
    AUDIT = "audit"  # who has access


class Role(enum.StrEnum):
    """What a person is to a project."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    REVIEWER = "reviewer"
    AUDITOR = "auditor"  # sees who may do what, and can change nothing of it
    ADMIN = "admin"


MAY: Mapping[Role, frozenset[Action]] = {
    Role.VIEWER: frozenset({Action.READ}),
    Role.OPERATOR: frozenset({Action.READ, Action.OPERATE}),
    Role.REVIEWER: frozenset({Action.READ, Action.OPERATE, Action.REVIEW}),
    Role.AUDITOR: frozenset({Action.READ, Action.AUDIT}),
    Role.ADMIN: frozenset(Action),
}


class Denial(enum.StrEnum):
    """Why somebody is not let in."""

    WRONG_HOST = "wrong_host"
    NO_TOKEN = "no_token"  # noqa: S105 — the name of a reason
    UNKNOWN = "unknown"  # a token or session that nobody was given
    EXPIRED = "expired"
    REVOKED = "revoked"
    ENDED = "ended"  # a session that has ended
    WRONG_ORIGIN = "wrong_origin"  # a page of somebody else's asks, in a browser that has a session here
    NO_CSRF = "no_csrf"  # a change with a session's cookie, and without what only its own page knows
    ROLE = "role"  # a role that may not do this


def written(number: int, secret: str) -> str:
    """Return an access token, or what a session's cookie holds, as it is handed out: once."""
    return f"wave_{number}_{secret}"


def read(text: str) -> tuple[int, str] | None:
    """Return the number and the secret of what was handed out; None for a text that can be no such thing."""
    found = _WRITTEN.fullmatch(text)
    return (int(found[1]), found[2]) if found else None


def digest(secret: str) -> bytes:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def is_same(kept: bytes, given: bytes) -> bool:
    """Compare two digests in a time that says nothing about where they differ."""
    return hmac.compare_digest(kept, given)


def csrf_of(secret: str) -> str:
    """Return what a change must come with beside the cookie of this secret: no page of another origin can know it."""
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()


@dataclass(kw_only=True)
class Bound:
    """Lets so many be told at once, and after that one in each `every_s` seconds. It counts what is left untold."""

    at_once: int
    every_s: float
    _untold: int = field(default=0, init=False)
    _spent_until_s: float = field(default=0.0, init=False)

    def take(self, now_s: float) -> int | None:
        """Return how many were left untold since the last one, if this one may be told; else count it and return None.

        `now_s` comes from a clock that never goes back.
        """
        spent_until_s = max(self._spent_until_s, now_s) + self.every_s
        if spent_until_s - now_s > self.at_once * self.every_s:
            self._untold += 1
            return None
        self._spent_until_s = spent_until_s
        untold, self._untold = self._untold, 0
        return untold

    def settle(self, now_s: float) -> int:
        """Return how many were left untold: all of them are told now, by one."""
        self._spent_until_s = max(self._spent_until_s, now_s) + self.every_s
        untold, self._untold = self._untold, 0
        return untold

    def give_back(self, untold: int) -> None:
        """Count so many as untold again: they could not be told."""
        self._untold += untold


_WRITTEN = re.compile(r"wave_([0-9]{1,18})_([A-Za-z0-9_-]{43})")
