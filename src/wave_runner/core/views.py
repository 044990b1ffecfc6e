"""Views: lists of the pages as somebody has narrowed them, kept under a name for all who may read.

A view is one of our pages and the words that its list is narrowed by. It holds no address: one is made from it, and can
lead nowhere but to that page. Where a list begins is no part of it, and neither is the key of a record, which would
stay behind when the record is erased.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from wave_runner.core.interaction import State
from wave_runner.core.nearest import did_you_mean

MOST = 200
"""So many views are kept. They are shown whole, in a menu."""
MAX_NAME = 80
MAX_VALUE = 200


class ListPage(enum.StrEnum):
    """The pages with a list that can be narrowed; each is called as its address."""

    RUNS = "runs"
    INTERACTIONS = "interactions"
    ERRORS = "errors"
    TASKS = "tasks"
    REVIEWS = "reviews"


# No line ends, no control characters, and nothing that turns the reading order around.
_SEEN = "[^\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
_NAME = re.compile(rf"(?! ){_SEEN}{{1,{MAX_NAME}}}(?<! )")
_TEXT = re.compile(rf"{_SEEN}{{1,{MAX_VALUE}}}")
_NUMBER = re.compile("[1-9][0-9]{0,17}")
_TO_100 = re.compile("[1-9][0-9]?|100")

NARROWED_BY: Mapping[ListPage, Mapping[str, re.Pattern[str]]] = {
    ListPage.RUNS: {
        "workflow": _TEXT,
        "state": re.compile("running|waiting|paused|completed|failed|cancelled"),
    },
    ListPage.INTERACTIONS: {
        "run": _NUMBER,
        "step": _TEXT,
        "state": re.compile("|".join(State)),
        "error_class": _TEXT,
        "rule": _TEXT,
    },
    ListPage.ERRORS: {"workflow": _TEXT, "runs": _TO_100},
    ListPage.TASKS: {"queue": _TEXT, "whose": re.compile("mine|overdue")},
    ListPage.REVIEWS: {"workflow": _TEXT, "runs": _TO_100},
}
"""By which words each list can be narrowed, in their order, and what each may say."""


class ViewError(ValueError):
    """A view that cannot be: the message says what of it."""


@dataclass(frozen=True, kw_only=True)
class View:
    """A list as it is narrowed, and its name. Made by `view` and `read_view` alone."""

    page: ListPage
    name: str
    filter: Mapping[str, str]

    @property
    def query(self) -> str:
        """What stands behind the page in the address of the list."""
        return urlencode(self.filter)


def view(page: str, name: str, filter: Mapping[str, str]) -> View:
    """Return a view, its words in the order of its page; raise `ViewError` for one that cannot be."""
    if page not in ListPage.__members__.values():
        raise ViewError(f"{page!r:.60} is no page with a list; {did_you_mean(page[:60], ListPage)}")
    if not _NAME.fullmatch(name):
        raise ViewError(
            f"{name!r:.60} can be no name of a view: one line of 1 to {MAX_NAME} characters, with no blank at its ends"
        )
    known = NARROWED_BY[ListPage(page)]
    for word, value in filter.items():
        if word == "record":
            raise ViewError("a view is of no one record: its key would stay when the record is erased")
        if word not in known:
            raise ViewError(f"the list of {page} is not narrowed by {word!r:.60}; {did_you_mean(word[:60], known)}")
        if not known[word].fullmatch(value):
            raise ViewError(f"{word} of {page} cannot be {value!r:.60}")
    if not filter:
        raise ViewError(f"nothing narrows the list of {page}, so there is nothing to save")
    return View(page=ListPage(page), name=name, filter={word: filter[word] for word in known if word in filter})


def read_view(name: str, address: str) -> View:
    """Return the view of a list's address, relative to where the pages begin: `runs?state=failed`.

    Raises `ViewError`, also for the address of anything else.
    """
    page, _, query = address.removeprefix("/").partition("?")
    try:
        words = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), errors="strict", max_num_fields=20)
    except ValueError:
        raise ViewError(f"{query!r:.60} does not say what narrows a list, as in state=failed&workflow=NAME") from None
    if len(dict(words)) < len(words):
        raise ViewError(f"{query!r:.60} says one word twice")
    return view(page, name, dict(words))
