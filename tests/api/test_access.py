"""Who is let in by HTTP, and to what: every route by every role, sessions of browsers, and what is recorded of it."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send
from tests.support import warm
from tests.support.projects import Ground
from tests.support.serving import PATIENCE_S, Served, grant, serving, told

from wave_runner.api.callers import Callers, Own
from wave_runner.api.gate import Gate, in_time
from wave_runner.api.needs import NEEDS, OPEN
from wave_runner.core.access import MAY, Action, Role, digest

NOT_LET_IN = (401, 403)


def revoke(ground: Ground, token_id: int) -> subprocess.CompletedProcess[str]:
    command = ["--project", ground.folder, "access", "revoke", str(token_id), "--as", "ben"]
    return warm.wave(*command)


def filled(path: str) -> str:
    return re.sub(r"\{\w+\}", "1", path)


def test_every_route_is_for_exactly_the_roles_that_may_what_it_needs(served: Served, worked: Ground):
    """A route that has no entry is not there; an entry that has no route is an error too."""
    described = served.get("/api/v1/openapi.json").json()["paths"]
    routes = {f"{method.upper()} {path}" for path, how in described.items() for method in how}
    assert routes | {"GET /api/v1/openapi.json"} == {*NEEDS, *(f"GET {path}" for path in OPEN)}
    tokens = {role: grant(worked, str(role), role) for role in Role}
    for route, action in NEEDS.items():
        method, _, path = route.partition(" ")
        for role, token in tokens.items():
            code = served.code(method, filled(path), token)
            assert (code not in NOT_LET_IN) == (action in MAY[role]), (route, role, code)
            assert code < 500, (route, role)
    assert set(NEEDS.values()) <= set(Action)


def test_nothing_but_two_answers_and_the_pages_is_for_who_has_no_token(served: Served):
    wrong = f"wave_1_{'A' * 43}"
    bad = ["", "Bearer", "Bearer wrong", f"Bearer {wrong}", f"Bearer {served.token}x", f"Basic {served.token}"]
    for route in [*NEEDS, *(f"GET {path}" for path in OPEN), "GET /nothing", "POST /api/v1/runs"]:
        method, _, path = route.partition(" ")
        answers = [served.ask(method, filled(path), "", **({"Authorization": one} if one else {})) for one in bad]
        codes = {one.status_code for one in answers}
        assert codes == ({200} if path in OPEN else {401}), route
        if path not in OPEN:
            assert {one.headers["content-type"] for one in answers} == {"application/problem+json"}
            assert "runs" not in answers[0].text
    assert served.ask("GET", f"/api/v1/runs?token={served.token}", "").status_code == 401


def test_a_websocket_reaches_nothing_with_whatever_token():
    """There is none; one that somebody adds would stand behind the same gate, and has to be named there."""
    admin = Own(person="maria", role=Role.ADMIN, sha256=digest("a token"))
    reached, said = [], []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["path"])

    async def send(message: Message) -> None:
        said.append(message.get("status"))

    async def ask(path: str) -> None:
        callers = Callers(database=None, own=[admin], cookie="wave", port=1)  # type: ignore[arg-type]
        gate = Gate(app, callers=callers, denials=None, hosts={"localhost"})  # type: ignore[arg-type]
        headers = [(b"host", b"localhost"), (b"authorization", b"Bearer a token")]
        scope = {"type": "websocket", "path": path, "scheme": "ws", "query_string": b"", "headers": headers}
        await gate(scope, None, send)  # type: ignore[arg-type]

    paths = {filled(route.partition(" ")[2]) for route in NEEDS}
    for path in paths:
        asyncio.run(ask(path))
    assert reached == []
    assert {code for code in said if code is not None} == {405}
    assert len(said) == 2 * len(paths)


def test_a_page_that_names_another_host_reaches_nothing(served: Served):
    for path in ["/healthz", "/api/v1/runs"]:
        refused = served.get(path, Host="attacker.example")
        assert (refused.status_code, refused.json()["kind"]) == (421, "wrong_host")
    port = served.url.rpartition(":")[2]
    for name in ["localhost", f"LOCALHOST:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"]:
        assert served.get("/api/v1/runs", Host=name).status_code == 200


def test_a_token_ends_when_it_is_taken_back_or_its_days_are_over(served: Served, worked: Ground):
    tokens = [grant(worked, "maria", Role.VIEWER, "--as", "ben"), grant(worked, "otto", Role.OPERATOR)]
    assert [served.ask("GET", "/api/v1/runs", one).status_code for one in tokens] == [200, 200]
    other = tokens[0].replace("wave_1_", "wave_2_")
    assert served.ask("GET", "/api/v1/runs", other).status_code == 401
    assert revoke(worked, 1).returncode == 0
    assert (revoke(worked, 1).returncode, revoke(worked, 7).returncode) == (5, 4)
    worked.sql("UPDATE access_tokens SET expires_at = now() WHERE token_id = 2")
    answers = [served.ask("GET", "/api/v1/runs", one) for one in tokens]
    assert [one.status_code for one in answers] == [401, 401]
    assert ["revoked" in answers[0].text, "expired" in answers[1].text] == [True, True]

    assert told(worked, "access_granted")[0] == {
        "by": "ben", "days": 90, "person": "maria", "role": "viewer", "token": "1"
    }  # fmt: skip
    assert told(worked, "access_revoked") == [{"by": "ben", "person": "maria", "token": "1"}]
    [maria, otto] = served.get("/api/v1/access").json()["rows"]
    assert (maria["state"], maria["revoked_by"], otto["state"]) == ("revoked", "ben", "expired")
    assert maria["used_at"] is not None
    kept = json.dumps(worked.sql("SELECT to_jsonb(t)::text AS t FROM access_tokens t"))
    assert not any(one.split("_", 2)[2] in kept for one in tokens)


def test_a_browser_that_shows_the_printed_address_is_known_by_a_cookie(served: Served, worked: Ground):
    with served.browser() as browser:
        shown = browser.get(served.opens.removeprefix(served.url))
        assert (shown.status_code, shown.headers["location"]) == (303, "./")
        cookie = shown.headers["set-cookie"]
        assert all(word in cookie for word in ["HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"])
        assert "Secure" not in cookie
        session = browser.get("/api/v1/session").json()
        assert (session["role"], session["may"]) == ("admin", ["read", "operate", "review", "audit"])
        assert browser.get("/api/v1/runs").status_code == 200

        for headers in [{}, {"X-Wave-CSRF": "wrong"}, {"X-Wave-CSRF": session["csrf"], "Origin": "http://evil.example"},
                        {"X-Wave-CSRF": session["csrf"], "Sec-Fetch-Site": "same-site"}]:  # fmt: skip
            refused = browser.request("DELETE", "/api/v1/session", headers=headers)
            assert (refused.status_code, refused.json()["kind"]) == (403, "forbidden"), headers
        assert browser.get("/api/v1/runs").status_code == 200
        kept = dict(browser.cookies)
        ours = {"X-Wave-CSRF": session["csrf"], "Origin": served.url, "Sec-Fetch-Site": "same-origin"}
        assert browser.request("DELETE", "/api/v1/session", headers=ours).status_code == 204
        assert not browser.cookies
    with served.browser() as browser:
        browser.cookies.update(kept)  # which is worth nothing now
        assert browser.get("/api/v1/runs").status_code == 401
    opened, ended = told(worked, "session_opened"), told(worked, "session_ended")
    assert [one["session"] for one in opened] == [one["session"] for one in ended] == ["1"]


def test_a_session_lasts_no_longer_than_its_token(served: Served, worked: Ground):
    token = grant(worked, "maria", Role.REVIEWER)
    with served.browser() as browser:
        opened = browser.post("/api/v1/session", headers={"Authorization": f"Bearer {token}"})
        assert (opened.status_code, opened.json()["person"]) == (200, "maria")
        assert browser.get("/api/v1/session").json()["csrf"] == opened.json()["csrf"]
        worked.sql("UPDATE access_tokens SET used_at = NULL")
        assert browser.get("/api/v1/runs").status_code == 200
        assert worked.one("SELECT used_at IS NOT NULL FROM access_tokens")
        assert revoke(worked, 1).returncode == 0
        assert browser.get("/api/v1/runs").status_code == 401
    with served.browser() as browser, serving(worked) as other:
        browser.get(served.opens.removeprefix(served.url))
        assert browser.get("/api/v1/runs").status_code == 200
        # Another process does not know the token that this one has printed.
        assert browser.get(f"{other.url}/api/v1/runs").status_code == 401
        worked.sql("UPDATE http_sessions SET expires_at = now()")
        assert browser.get("/api/v1/runs").status_code == 401


def test_behind_a_proxy_that_speaks_tls_the_cookie_is_for_tls_alone(served: Served, worked: Ground):
    token = grant(worked, "maria", Role.VIEWER)
    answer = served.ask("POST", "/api/v1/session", token, **{"X-Forwarded-Proto": "https"})
    assert answer.headers["set-cookie"].startswith("__Host-wave-5a1c0de0=")
    assert "Secure" in answer.headers["set-cookie"]


def test_what_only_this_machine_knows_opens_nothing_through_a_proxy(served: Served, worked: Ground):
    with served.browser() as browser:
        browser.get(served.opens.removeprefix(served.url))
        for headers in [{"X-Forwarded-For": "192.0.2.1"}, {"Forwarded": "for=192.0.2.1"}]:
            assert served.get("/api/v1/runs", **headers).status_code == 401
            assert browser.get("/api/v1/runs", headers=headers).status_code == 401
        assert browser.get("/api/v1/runs").status_code == 200
    command = ["--project", worked.folder, "serve", "--port", "0", "--host-name", "wave.example"]
    done = warm.wave(*command)
    assert (done.returncode, "wave.example" in done.stderr) == (2, True)  # it is asked from anywhere


def test_the_printed_address_opens_for_its_own_token_and_from_no_other_page(served: Served, worked: Ground):
    token = grant(worked, "maria", Role.REVIEWER)
    address = served.opens.removeprefix(served.url)
    with served.browser() as browser:
        assert browser.get(f"/open?token={token}").status_code == 401
        assert browser.get(address, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
        assert not browser.cookies
        browser.post("/api/v1/session", headers={"Authorization": f"Bearer {token}"})
        before = dict(browser.cookies)
        assert browser.get(address, headers={"Sec-Fetch-Site": "none"}).status_code == 303
        assert browser.get("/api/v1/session").json()["role"] == "admin"
    with served.browser() as browser:
        browser.cookies.update(before)
        assert browser.get("/api/v1/session").status_code == 401  # it has ended with the next one
    assert [one["person"] for one in told(worked, "session_ended")] == ["maria"]


def test_a_token_opens_so_many_sessions_and_no_more(served: Served, worked: Ground):
    viewer = grant(worked, "maria", Role.VIEWER)
    answers = [served.ask("POST", "/api/v1/session", viewer) for _ in range(21)]
    assert [one.status_code for one in answers] == [200] * 20 + [429]
    assert answers[-1].json()["kind"] == "too_many_requests"
    assert len(told(worked, "session_opened")) == 20


def test_questions_that_make_no_sense_are_said_to(served: Served):
    for path in ["runs?workflow=%00", "tasks?queue=%00", "trace?record=%00", "explain?record=a&value=%00",
                 "runs?before=9223372036854775808", "tasks?run=9223372036854775808", "runs/9223372036854775808",
                 "trace?record=a&run=9223372036854775808", "reports/steps?run=9223372036854775808"]:  # fmt: skip
        assert served.get(f"/api/v1/{path}").status_code == 422, path
    claim = served.ask("POST", "/api/v1/tasks/claim", served.token, {"task": 2**63})
    undo = served.ask("POST", f"/api/v1/rerun/{2**63}/undo", served.token)
    assert (claim.status_code, undo.status_code) == (422, 422)
    with served.browser() as browser:
        browser.get(served.opens.removeprefix(served.url))
        assert browser.post("/api/v1/tasks/claim", json={}, headers={"Origin": "http://["}).status_code == 403


def test_a_body_that_does_not_come_is_not_waited_for():
    async def ask() -> None:
        never = asyncio.Event()

        async def receive() -> Message:
            await never.wait()
            return {"type": "http.request"}

        await in_time(receive, 0.01)()

    with pytest.raises(HTTPException) as refused:
        asyncio.run(ask())
    assert refused.value.status_code == 408


def test_who_was_denied_is_recorded_and_fills_no_log(served: Served, worked: Ground):
    viewer = grant(worked, "maria", Role.VIEWER)
    assert served.ask("GET", "/api/v1/access", viewer).status_code == 403
    assert {served.ask("BREW", "/x" * 500, "wrong").status_code for _ in range(30)} == {401}
    found = told(worked, "access_denied")
    assert found[0] == {"method": "GET", "person": "maria", "reason": "role", "route": "/api/v1/access", "untold": 0}
    stranger = {"method": "other", "reason": "unknown", "route": "", "untold": 0}
    assert found[1:] == [stranger] * 10
    assert served.ask("GET", "/api/v1/access", viewer).status_code == 403
    assert told(worked, "access_denied")[-1] == found[0]  # strangers cannot hide what somebody known was denied
    served.process.terminate()
    assert served.process.wait(PATIENCE_S) == 0
    assert told(worked, "access_denied")[-1] == {**stranger, "untold": 19}


def test_other_machines_are_let_in_once_somebody_has_a_token(worked: Ground):
    command = ["--project", worked.folder, "serve", "--host", "0.0.0.0", "--port", "0"]
    done = warm.wave(*command)
    assert (done.returncode, done.stdout) == (2, "")
    assert "nobody has an access token" in done.stderr
    worked.write(".env", f"WAVE_DATABASE_URL={worked.url}\nWAVE_API_TOKEN=short\n")
    done = warm.wave(*command)
    assert (done.returncode, "api_token" in done.stderr, "short\n" in done.stderr) == (2, True, False)
    worked.write(".env", f"WAVE_DATABASE_URL={worked.url}\n")

    token = grant(worked, "maria", Role.VIEWER)
    with serving(worked, "--host", "0.0.0.0", "--host-name", "wave.example") as served:
        assert served.token is None  # nobody but who was given one has one
        served.url = served.url.replace("0.0.0.0", "127.0.0.1")
        assert served.ask("GET", "/api/v1/runs", token).status_code == 200
        assert served.ask("GET", "/api/v1/runs", token, Host="wave.example").status_code == 200
        assert served.ask("GET", "/api/v1/runs", "").status_code == 401
        served.process.terminate()
        assert served.process.wait(PATIENCE_S) == 0


def test_a_token_that_is_set_names_nobody_and_only_reads(worked: Ground):
    token = "a-token-that-somebody-has-thought-of"
    worked.write(".env", f"WAVE_DATABASE_URL={worked.url}\nWAVE_API_TOKEN={token}\n")
    with serving(worked) as served:
        assert served.ask("GET", "/metrics", token).status_code == 200
        assert served.ask("GET", "/api/v1/access", token).status_code == 403
        assert served.ask("GET", "/api/v1/session", token).json()["may"] == ["read"]
        assert served.ask("POST", "/api/v1/session", token).status_code == 409


@pytest.mark.parametrize("arguments", [["grant", "no name"], ["grant", "maria", "--role", "king"], ["revoke", "0"]])
def test_what_makes_no_sense_is_refused(worked: Ground, arguments: list[str]):
    done = warm.wave("--project", worked.folder, "access", *arguments)
    assert done.returncode == 2
    assert worked.one("SELECT count(*) FROM access_tokens") == 0
