"""Saved views: made and removed by who may, seen by all who may read, leading nowhere but to our lists."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg.errors import CheckViolation
from tests.api.test_acting import Person, printed
from tests.support import warm
from tests.support.projects import Ground
from tests.support.serving import Served, told

from wave_runner.core.views import MOST

INSERT = "INSERT INTO saved_views (page, name, query, saved_by)"
FAILED = {"page": "interactions", "name": "what has failed", "filter": {"state": "failed", "run": "1"}}


def test_a_view_is_saved_once_seen_by_all_and_removed_by_who_may(worked: Ground, served: Served):
    otto, vera = Person(served, worked, "otto", "operator"), Person(served, worked, "vera", "viewer")
    assert vera.is_refused("views", FAILED) == (403, "forbidden")
    saved = otto.post("views", FAILED, **{"Idempotency-Key": "first"})
    view = saved.json()["saved"]
    assert (saved.status_code, view["saved_by"]) == (200, "otto")
    assert view["address"] == "interactions?run=1&state=failed"
    again = otto.post("views", FAILED, **{"Idempotency-Key": "first"})
    assert (again.text, again.headers["Idempotent-Replayed"]) == (saved.text, "true")

    # A name stays what it is on its page; on another page it is another view.
    refused = otto.post("views", {**FAILED, "filter": {"state": "running"}})
    assert (refused.status_code, refused.json()["kind"]) == (409, "conflict")
    assert f"wave views remove {view['view_id']}" in refused.json()["hint"]
    done = warm.wave("--project", worked.folder, "views", "save", FAILED["name"], "/runs?state=failed", "--as", "ben")
    assert done.returncode == 0, done.stderr
    done = warm.wave("--project", worked.folder, "views", "save", FAILED["name"], "runs?state=running")
    assert (done.returncode, "ben has saved a view of runs" in done.stderr) == (5, True)

    seen = vera.sees("views")
    assert [(one["page"], one["saved_by"], one["filter"]) for one in seen["rows"]] == [
        ("interactions", "otto", {"run": "1", "state": "failed"}),
        ("runs", "ben", {"state": "failed"}),
    ]
    assert seen == printed(worked, "views", "list")
    assert vera.sees("views?page=runs") == printed(worked, "views", "list", "--page", "runs")

    path = f"views/{view['view_id']}/remove"
    assert vera.is_refused(path) == (403, "forbidden")
    assert otto.does(path)["removed"] == view
    assert otto.is_refused(path) == (404, "not_found")
    other = int(seen["rows"][1]["view_id"])
    assert printed(worked, "views", "remove", str(other), "--as", "ida")["removed"]["name"] == FAILED["name"]
    assert vera.sees("views")["rows"] == []
    assert told(worked, "view_saved") == [
        {"by": "otto", "page": "interactions", "view": view["view_id"]},
        {"by": "ben", "page": "runs", "view": str(other)},
    ]
    assert [one["by"] for one in told(worked, "view_removed")] == ["otto", "ida"]


def test_what_would_lead_elsewhere_or_says_nothing_becomes_no_view(worked: Ground, served: Served):
    otto = Person(served, worked, "otto", "operator")
    for wrong, kind in WRONG:
        assert otto.is_refused("views", {**FAILED, **wrong}) == (422, kind), wrong
    arguments = ["views", "save", "x", "https://evil.example/runs?state=failed"]
    done = warm.wave("--project", worked.folder, *arguments)
    assert (done.returncode, "is no page with a list" in done.stderr) == (2, True)
    done = warm.wave("--project", worked.folder, "views", "remove", "7")
    assert (done.returncode, "there is no view 7" in done.stderr) == (4, True)
    assert told(worked, "view_saved") == []

    # The database keeps nothing of the kind either.
    for page, name, query in [("//evil.example", "x", "a=b"), ("runs", "x" * 81, "a=b"), ("runs", "x", "")]:
        with pytest.raises(CheckViolation):
            worked.sql(f"{INSERT} VALUES (%s, %s, %s, 'otto')", page, name, query)
    worked.sql(f"{INSERT} SELECT 'runs', 'view ' || n, 'state=failed', 'otto' FROM generate_series(1, %s) AS n", MOST)
    refused = otto.post("views", FAILED)
    assert (refused.status_code, f"{MOST} views already" in refused.json()["detail"]) == (409, True)


# Nothing of these becomes a view: `usage` is what the interface does not take, `answer` what no view can be.
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"page": "//evil.example/runs"}, "usage"),
    ({"page": "javascript:alert(1)"}, "usage"),
    ({"page": "settings"}, "usage"),
    ({"address": "https://evil.example"}, "usage"),
    ({"filter": {"state": 1}}, "usage"),
    ({"filter": {"state": "\0"}}, "usage"),
    ({"name": ""}, "usage"),
    ({"name": "x" * 81}, "answer"),
    ({"name": "a\u202eb"}, "answer"),
    ({"filter": {}}, "answer"),
    ({"filter": {"state": "javascript:alert(1)"}}, "answer"),
    ({"filter": {"href": "https://evil.example"}}, "answer"),
    ({"filter": {"before": "7"}}, "answer"),
    ({"filter": {"record": "item 0001"}}, "answer"),
]
