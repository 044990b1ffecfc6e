"""HTTP as a polite guest: says who it is, keeps a distance between requests, and waits when it is asked to."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2

from wave_runner.actors.outside import PublicOnly

from .documents import MAX_BYTES, SourceError
from .sources import Body

USER_AGENT = "wave-runner job_postings (fetches public job postings page by page)"
LONGEST_PAGE_S = 300.0
PAUSE_S = 0.2  # between two requests
LONGEST_WAIT_S = 120.0  # asked to wait longer, we give up and leave the rest to the runner's retry
MOST_WAITS = 5  # in a row, for one page
_ASKS_TO_WAIT = {429, 503}


class PoliteClient:
    """Gets pages. Use it as a context manager. `wait` is what passes the time, in seconds.

    It asks public addresses alone, and the `private_hosts`: who writes a link, or answers with a redirect, must not
    choose what is asked in a network of one's own. A page that takes longer than `page_s` seconds is given up.
    """

    def __init__(
        self,
        wait: Callable[[float], None] = time.sleep,
        *,
        private_hosts: Collection[str] = (),
        page_s: float = LONGEST_PAGE_S,
    ) -> None:
        self._wait = wait
        self._page_s = page_s
        self._requests = 0
        self._http = httpx2.Client(
            transport=PublicOnly(private_hosts=private_hosts),
            headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
            timeout=60.0,
            follow_redirects=True,
        )

    def __enter__(self) -> PoliteClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, url: str) -> Body:
        """Return what `url` gives, at most `MAX_BYTES`. Any other answer than a whole one raises `SourceError`."""
        for _ in range(MOST_WAITS):
            if self._requests:
                self._wait(PAUSE_S)
            self._requests += 1
            asked = self._attempt(url)
            if isinstance(asked, Body):
                return asked
            self._wait(asked)
        raise SourceError(f"{url} asked {MOST_WAITS} times to wait; try again later")

    def _attempt(self, url: str) -> Body | float:
        """Return the body, or for how many seconds the server asks us to wait."""
        ends = time.monotonic() + self._page_s
        try:
            with self._http.stream("GET", url) as response:
                if response.status_code in _ASKS_TO_WAIT and "retry-after" in response.headers:
                    return _seconds(url, response.headers["retry-after"])
                if not response.is_success or response.status_code == httpx2.codes.PARTIAL_CONTENT:
                    raise SourceError(f"{url} answered {response.status_code} {response.reason_phrase}")
                return _body(url, response, ends)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise SourceError(f"{url} cannot be read: {type(error).__name__}: {error}") from error


def _body(url: str, response: httpx2.Response, ends: float) -> Body:
    parts: list[bytes] = []
    size = 0
    for part in response.iter_bytes():
        size += len(part)
        if time.monotonic() > ends:
            raise SourceError(f"{url} takes too long: ask for smaller pages")
        if size > MAX_BYTES:
            raise SourceError(f"{url} sends more than {MAX_BYTES} bytes: ask for smaller pages")
        parts.append(part)
    # A link is resolved against the address that answered, which a redirect may have changed.
    link = response.links.get("next", {}).get("url")
    return Body(content=b"".join(parts), next_link=str(response.url.join(link)) if link else None)


def _seconds(url: str, retry_after: str) -> float:
    """Read Retry-After, which is a number of seconds or a date."""
    try:
        seconds = float(retry_after) if retry_after.strip().isdecimal() else _until(retry_after)
    except ValueError as error:
        raise SourceError(f"{url} sent a Retry-After that is no time: {retry_after!r}") from error
    if seconds > LONGEST_WAIT_S:
        raise SourceError(f"{url} asks to wait {seconds:.0f} s; that is too long to wait here, try again then")
    return max(seconds, 0.0)


def _until(date: str) -> float:
    moment = parsedate_to_datetime(date)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime.now(UTC)).total_seconds()
