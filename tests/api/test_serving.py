"""`wave serve`: the documents of `--json` by HTTP, behind one gate, and what watches a process."""

from __future__ import annotations

import contextlib
import io
import json
import re
import signal
import socket
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families
from psycopg import sql
from tests.support import warm
from tests.support.projects import Ground
from tests.support.serving import PATIENCE_S, Served

from wave_runner.api.serving import listen
from wave_runner.cli import main

# Asked for elsewhere.
ALONE = {
    *("/api/v1/session", "/api/v1/tasks/{task}", "/api/v1/changes", "/api/v1/workflow/diff"),
    "/api/v1/audit/verifications",
}
AWAY_S = 5.0  # how soon a database that has gone away is noticed, and one that is back
MOVES = re.compile(r"(as_of|seconds|heartbeat_at|heard|behind_s|signed_age_s|per_minute|retry_s|next_\w+_s)$")

# Each document, and the command that prints the same.
SAME = {
    "/api/v1/status": ["status"],
    "/api/v1/runs/1": ["status", "--run", "1"],
    "/api/v1/as-of?at=20&run=1": ["status", "--as-of", "20", "--run", "1"],
    "/api/v1/runs": ["report", "runs"],
    "/api/v1/runs?limit=1&before=2": ["report", "runs", "--limit", "1", "--before", "2"],
    "/api/v1/runs?workflow=work&state=completed": ["report", "runs", "--workflow", "work", "--state", "completed"],
    "/api/v1/runs?state=failed": ["report", "runs", "--state", "failed"],
    "/api/v1/reports/steps": ["report", "steps"],
    "/api/v1/reports/actors?run=1": ["report", "actors", "1"],
    "/api/v1/reports/throughput": ["report", "throughput"],
    "/api/v1/reports/stale": ["report", "stale"],
    "/api/v1/reports/errors": ["report", "errors"],
    "/api/v1/reports/delta": ["report", "delta"],
    "/api/v1/reports/cost?by=record": ["report", "cost", "--by", "record"],
    "/api/v1/reports/records": ["report", "records"],
    "/api/v1/reports/runners": ["report", "runners"],
    "/api/v1/reports/servers": ["report", "servers"],
    "/api/v1/reports/waves": ["report", "waves"],
    "/api/v1/reports/waves?run=1&limit=1&before=99": ["report", "waves", "1", "--limit", "1", "--before", "99"],
    "/api/v1/reports/matrix?run=1&limit=2": ["report", "matrix", "1", "--limit", "2"],
    "/api/v1/reports/events?run=1&before=99": ["report", "events", "1", "--before", "99"],
    "/api/v1/reports/failures?workflow=work&runs=5": ["report", "failures", "--workflow", "work", "--runs", "5"],
    "/api/v1/reports/reviews?workflow=work&runs=5": ["report", "reviews", "--workflow", "work", "--runs", "5"],
    "/api/v1/compare?a=1&b=2&step=count&limit=2": ["compare", "1", "2", "--step", "count", "--limit", "2"],
    "/api/v1/db/status": ["db", "status"],
    "/api/v1/diagram?run=1": ["diagram", "--run", "1"],
    "/api/v1/interactions": ["report", "interactions"],
    "/api/v1/interactions?run=1&step=count&limit=2": ["report", "interactions", "1", "--step", "count", "--limit", "2"],
    "/api/v1/interactions?run=1&rule=x&state=failed&error_class=y&before=9": [
        *("report", "interactions", "1", "--rule", "x", "--state", "failed", "--error-class", "y", "--before", "9")
    ],
    "/api/v1/interactions?run=1&record=item 0001": ["report", "interactions", "1", "--record", "item 0001"],
    "/api/v1/interactions/1?run=1": ["report", "interaction", "1", "--run", "1"],
    "/api/v1/reports/alerts": ["report", "alerts"],
    "/api/v1/audit/status": ["audit", "status"],
    "/api/v1/access": ["access", "list"],
    "/api/v1/actors": ["actors", "list"],
    "/api/v1/actors?diff=true": ["actors", "list", "--diff"],
    "/api/v1/workflow/versions?workflow=work": ["workflow", "versions", "work"],
    "/api/v1/tasks": ["tasks", "list"],
    "/api/v1/tasks?limit=1&after=1": ["tasks", "list", "--limit", "1", "--after", "1"],
    "/api/v1/staging": ["staging", "list"],
    "/api/v1/views": ["views", "list"],
    "/api/v1/views?page=runs": ["views", "list", "--page", "runs"],
    "/api/v1/trace?record=item 0001": ["trace", "item 0001"],
    "/api/v1/explain?record=item 0001&value=items.words": ["explain", "items.words", "--record", "item 0001"],
}


def printed(ground: Ground, command: list[str]) -> Any:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        main.run(["--project", str(ground.folder), *command, "--json"])
    return json.loads(out.getvalue())


def still(value: Any) -> Any:
    """Return a document without what moves from moment to moment."""
    if isinstance(value, Mapping):
        return {name: still(one) for name, one in value.items() if not MOVES.search(name)}
    return [still(one) for one in value] if isinstance(value, list) else value


def test_every_document_is_the_one_that_the_command_prints_and_is_as_the_interface_says(served: Served, worked: Ground):
    described = served.get("/api/v1/openapi.json").json()
    asked, one_of = set(), re.compile(r"/(run|interaction)s/\d+")
    for path, command in SAME.items():
        answer = served.get(path)
        assert answer.status_code == 200, (path, answer.text)
        assert still(answer.json()) == still(printed(worked, command)), path
        asked.add(route := one_of.sub(r"/\1s/{\1_id}", path.partition("?")[0]))
        schema = described["paths"][route]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema_rs.validator_for({**schema, "components": described["components"]}).validate(answer.json())
    paths = described["paths"].items()
    assert asked == {path for path, how in paths if path.startswith("/api/v1") and "get" in how} - ALONE


def test_what_is_wrong_with_a_question_is_said_as_a_problem(served: Served):
    wrong = {
        "/api/v1/runs/99": (404, "not_found", "there is no run 99"),
        "/api/v1/trace?record=nobody": (404, "not_found", "nobody"),
        "/api/v1/explain?record=item 0001&value=items.nothing": (404, "not_found", "nothing"),
        "/api/v1/runs?limit=0": (422, "usage", "query.limit"),
        "/api/v1/runs?state=happy": (422, "usage", "query.state"),
        "/api/v1/runs/one": (422, "usage", "path.run_id"),
        "/api/v1/nothing": (404, "not_found", "Not Found"),
    }
    for path, (code, kind, said) in wrong.items():
        answer = served.get(path)
        found = answer.json()
        assert (answer.status_code, found["status"], found["kind"]) == (code, code, kind), path
        assert said in found["detail"]
    assert served.client.post("/api/v1/runs", headers={"Authorization": f"Bearer {served.token}"}).status_code == 405


def test_the_metrics_are_what_the_official_parser_reads_and_what_the_tables_hold(served: Served, worked: Ground):
    found = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(served.get("/metrics").text)
        for sample in family.samples
    }
    label = [("state", "completed"), ("workflow", "work")]
    assert found["wave_runner_records", *label] == worked.one("SELECT count(*) FROM run_records") == 3
    assert found["wave_runner_log_entries",] == worked.one("SELECT count(*) FROM event_log")
    assert found["wave_runner_log_unsealed",] == 0
    assert not any(name.startswith("wave_runner_interactions") for name, *_ in found)  # every run has ended

    worked.start()
    later = served.get("/metrics").text
    assert 'wave_runner_interactions{state="pending",workflow="work"} 1.0' in later
    assert 'wave_runner_alerts{kind="no_runner"} 1.0' in later


def test_who_waits_for_a_runner_is_not_ready(served: Served, worked: Ground):
    assert served.client.get("/readyz").status_code == 200
    worked.start()
    answer = served.client.get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    assert [one["name"] for one in answer.json()["checks"] if not one["ok"]] == ["runners"]
    assert served.client.get("/healthz").status_code == 200


def test_a_database_that_goes_away_is_noticed_and_so_is_its_return(served: Served, worked: Ground):
    assert served.client.get("/readyz").status_code == 200
    name = urlsplit(worked.url).path.lstrip("/")
    limit = sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}")
    with psycopg.connect(worked.admin_url, autocommit=True) as admin:
        admin.execute(limit.format(sql.Identifier(name), sql.Literal(0)))
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        assert took_until(served, 503) <= AWAY_S
        assert served.get("/api/v1/runs").status_code == 503
        assert served.client.get("/healthz").status_code == 200
        admin.execute(limit.format(sql.Identifier(name), sql.Literal(-1)))
        assert took_until(served, 200) <= AWAY_S


def took_until(served: Served, code: int) -> float:
    """Return how many seconds it took until it was ready, or no longer."""
    begun = time.monotonic()
    while served.client.get("/readyz").status_code != code:
        assert time.monotonic() - begun < PATIENCE_S
    return time.monotonic() - begun


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_it_is_told_to(served: Served, number: signal.Signals):
    assert served.client.get("/healthz").status_code == 200
    served.process.send_signal(number)
    assert served.process.wait(PATIENCE_S) == 0
    assert served.process.stderr is not None
    assert served.process.stderr.read() == ""


def test_a_port_that_is_taken_is_said(served: Served, worked: Ground):
    port = served.url.rpartition(":")[2]
    command = ["--project", worked.folder, "serve", "--port", port]
    done = warm.wave(*command)
    assert (done.returncode, "cannot listen on 127.0.0.1" in done.stderr) == (2, True)


def test_the_body_of_an_answer_does_not_wait_until_its_head_is_acknowledged():
    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
