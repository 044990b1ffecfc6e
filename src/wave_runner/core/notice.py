"""Notices: what is sent outside of alerts, one when an alert is raised and one when it is settled.

How a notice is signed follows Standard Webhooks, so that receivers find a library which checks it: the headers
`webhook-id`, `webhook-timestamp` and `webhook-signature`, an HMAC-SHA256 over all three parts.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from wave_runner.core.canonical import dumps

SCHEMA = "wave.notice.v1"
RAISED, SETTLED, TEST = "alert.raised", "alert.settled", "test"
LEAST_SECRET, MOST_SECRET = 24, 64  # bytes, as Standard Webhooks wants them
SECRET_PREFIX = "whsec_"  # noqa: S105  what such a secret begins with, and no secret

FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 3600.0
GIVEN_UP_AFTER_S = 24 * 3600.0
MOST_DOUBLINGS = 20


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One alert: what it is about, since when, and what it says."""

    kind: str
    subject: str
    since: datetime
    message: str


def pause_s(attempts: int, *, age_s: float) -> float | None:
    """Return how long to wait after so many attempts that failed; None once a notice is a day old: it is given up."""
    if age_s >= GIVEN_UP_AFTER_S:
        return None
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(attempts - 1, MOST_DOUBLINGS))


def read_secret(text: str) -> bytes:
    """Return the bytes of a secret: base64, with or without `whsec_` before it. Raises `ValueError`."""
    try:
        secret = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("it is no base64") from error
    if not LEAST_SECRET <= len(secret) <= MOST_SECRET:
        raise ValueError(f"it has {len(secret)} bytes, and {LEAST_SECRET} to {MOST_SECRET} are wanted")
    return secret


def body(said: Mapping[str, str | None]) -> bytes:
    """Return what is sent: canonical JSON, so that a repeat is the same to the byte."""
    return dumps({"schema": SCHEMA, **said})


def signed(secret: bytes, notice_id: str, at_s: int, sent: bytes) -> dict[str, str]:
    """Return the headers that go with a body. `at_s` is the time of this attempt in seconds since 1970."""
    mac = hmac.new(secret, f"{notice_id}.{at_s}.".encode() + sent, hashlib.sha256).digest()
    return {
        "webhook-id": notice_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def why_not(url: str, *, private: bool) -> str:
    """Return what is wrong with a URL to which notices are to be sent; "" where nothing is."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return str(error)
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return "it is no URL such as https://alerts.example.com/wave"
    if not url.isascii() or any(character.isspace() or not character.isprintable() for character in url):
        return "it holds what a URL writes with % signs"
    if parts.username is not None or parts.fragment:
        return "it holds a user or a fragment, which are not sent"
    if parts.scheme == "http" and not private:
        return "http can be read on its way: https, or `private = true` for a receiver on a network of your own"
    return ""
