"""The driver for any OpenAI-compatible URL, against a real process on a real socket that misbehaves as told."""

from __future__ import annotations

import asyncio
import email.utils
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import orjson
import pytest
from tests.support.openai_stub import OpenAIStub

from wave_runner.core.outcome import ErrorClass, Failure
from wave_runner.core.workflow import ServerSpec
from wave_runner.errors import SettingsError
from wave_runner.servers import exchange, open_server
from wave_runner.servers.binary import free_port
from wave_runner.servers.openai import OpenAIServer
from wave_runner.servers.protocol import ModelServer, Reply, Request

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}


@pytest.fixture
def stub(tmp_path: Path):
    with OpenAIStub(tmp_path / "stub") as running:
        yield running


def ask(url: str, *, key: str | None = None, **fields: object) -> Reply | Failure:
    request = Request(model="stub", **{"prompt": "hi", "timeout_s": 20.0, **fields})

    async def once() -> Reply | Failure:
        server = OpenAIServer(ServerSpec(name="far", driver="openai", url=url), key)
        try:
            return await server.infer(request)
        finally:
            await server.close()

    return asyncio.run(once())


def failure(url: str, **fields: object) -> Failure:
    result = ask(url, **fields)
    assert isinstance(result, Failure), result
    return result


def test_an_answer_comes_with_its_exact_bytes_and_its_cost(stub: OpenAIStub):
    stub.answer_with({"match": "number (?P<n>[0-9]+)", "text": r'{"n": \g<n>}'})
    reply = ask(stub.url, prompt="number 42", schema=SCHEMA, options={"temperature": 0, "seed": 7, "max_tokens": 9})
    assert isinstance(reply, Reply)
    assert (reply.text, reply.finish, reply.server_version) == ('{"n": 42}', "stop", "stub-1")
    assert (reply.usage.tokens_in, reply.usage.tokens_cached, reply.usage.tokens_out) == (11, 3, 7)
    assert reply.usage.service_us > 0
    assert orjson.loads(reply.raw)["choices"][0]["message"]["content"] == reply.text
    sent = orjson.loads(reply.request)
    assert [sent] == [request["body"] for request in stub.requests()]
    assert sent["response_format"]["json_schema"]["schema"] == SCHEMA
    assert (sent["temperature"], sent["seed"], sent["max_tokens"]) == (0, 7, 9)


def test_the_option_api_chooses_plain_completion(stub: OpenAIStub):
    stub.answer_with({"text": "and so on"})
    reply = ask(stub.url, options={"api": "completion"})
    assert isinstance(reply, Reply)
    assert reply.text == "and so on"
    assert stub.requests()[0]["path"] == "/v1/completions"


def test_the_key_goes_into_the_header_and_never_into_a_message(stub: OpenAIStub):
    stub.answer_with({"status": 401, "error": "the key s3cret is wrong"})
    refused = failure(stub.url, key="s3cret\n")
    assert stub.requests()[0]["authorization"] == "Bearer s3cret"
    assert refused.error_class is ErrorClass.PERMANENT
    assert "s3cret" not in refused.message
    assert "Check the API key" in refused.message


def test_an_answer_cut_at_the_limit_says_so(stub: OpenAIStub):
    stub.answer_with({"behaviour": "length", "text": '{"n": 4'})
    reply = ask(stub.url)
    assert isinstance(reply, Reply)
    assert (reply.finish, reply.text) == ("length", '{"n": 4')


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, ErrorClass.PERMANENT),
        (401, ErrorClass.PERMANENT),
        (403, ErrorClass.PERMANENT),
        (404, ErrorClass.PERMANENT),
        (408, ErrorClass.TRANSIENT),
        (409, ErrorClass.TRANSIENT),
        (413, ErrorClass.PERMANENT),
        (422, ErrorClass.PERMANENT),
        (429, ErrorClass.RATE_LIMITED),
        (307, ErrorClass.PERMANENT),
        (500, ErrorClass.TRANSIENT),
        (502, ErrorClass.TRANSIENT),
        (503, ErrorClass.OVERLOADED),
    ],
)
def test_a_status_decides_whether_another_try_can_help(stub: OpenAIStub, status: int, expected: ErrorClass):
    stub.answer_with({"status": status, "error": "because \x1b[31m of this"})
    failed = failure(stub.url)
    assert failed.error_class is expected
    assert f"answered {status}: because [31m of this" in failed.message
    assert stub.url.removesuffix("/v1") in failed.message
    assert [kept.role for kept in failed.evidence] == ["request", "answer"]
    assert len(stub.requests()) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "30", "Retry-After-Ms": "250"}, 0.25),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({}, None),
    ],
)
def test_the_wait_that_a_server_asks_for_is_passed_on(stub: OpenAIStub, headers: dict[str, str], seconds: float | None):
    stub.answer_with({"status": 429, "headers": headers})
    assert failure(stub.url).retry_after_s == seconds


def test_a_wait_given_as_a_date_is_measured_by_the_servers_clock(stub: OpenAIStub):
    stub.answer_with({"status": 503, "headers": {"Retry-After": email.utils.formatdate(time.time() + 60, usegmt=True)}})
    assert failure(stub.url).retry_after_s == pytest.approx(60, abs=5)


def test_a_date_far_from_our_clock_still_means_the_servers_seconds():
    headers = {"retry-after": "Wed, 21 Oct 2015 07:28:30 GMT", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}
    assert exchange.retry_after(headers) == 30


@pytest.mark.parametrize(
    ("behaviour", "expected", "words"),
    [
        ("half_json", ErrorClass.TRANSIENT, "no completion"),
        ("garbage", ErrorClass.TRANSIENT, "no completion"),
        ("not_a_completion", ErrorClass.TRANSIENT, "OpenAI-compatible"),
        ("close", ErrorClass.TRANSIENT, "broke"),
        ("no_text", ErrorClass.INVALID_OUTPUT, "tool_calls"),
        ("huge", ErrorClass.INVALID_OUTPUT, "16,777,216 bytes"),
    ],
)
def test_a_bad_answer_is_named_and_kept(stub: OpenAIStub, behaviour: str, expected: ErrorClass, words: str):
    stub.answer_with({"behaviour": behaviour, "text": "x" * 100})
    failed = failure(stub.url)
    assert failed.error_class is expected
    assert words in failed.message
    assert failed.message.isprintable()
    kept = {one.role: one.content for one in failed.evidence}
    assert orjson.loads(kept["request"])["model"] == "stub"
    assert 0 < len(kept["answer"]) <= 65_536


@pytest.mark.parametrize(
    "beside",
    [
        {"timings": {"prompt_ms": float("nan"), "predicted_ms": float("inf")}},
        {"timings": {"prompt_ms": 1e300, "predicted_ms": None}},
        {"usage": {"prompt_tokens": 10**30, "completion_tokens": 5 * 10**9}},
        {"usage": {"prompt_tokens": -5, "completion_tokens": 1.5, "prompt_tokens_details": [3]}},
        {"usage": "free of charge", "timings": [], "system_fingerprint": 5},
        {"usage": None, "timings": None, "system_fingerprint": None},
    ],
)
def test_nonsense_beside_the_answer_does_not_cost_the_answer(stub: OpenAIStub, beside: dict[str, object]):
    stub.answer_with({"text": "here it is", "beside": beside})
    reply = ask(stub.url)
    assert isinstance(reply, Reply), reply
    assert reply.text == "here it is"
    assert isinstance(reply.server_version, str)
    usage = reply.usage
    amounts = (usage.tokens_in, usage.tokens_cached, usage.tokens_out, usage.prompt_us, usage.generate_us)
    assert all(isinstance(amount, int) and 0 <= amount < 2**31 for amount in amounts)


@pytest.mark.parametrize("behaviour", ["hang", "drip"])
def test_the_time_limit_holds_for_the_whole_request(stub: OpenAIStub, behaviour: str):
    stub.answer_with({"behaviour": behaviour})
    started = time.monotonic()
    failed = failure(stub.url, timeout_s=0.4)
    assert failed.error_class is ErrorClass.TIMEOUT
    assert "0.4 s" in failed.message
    assert time.monotonic() - started < 5
    assert ("answer" in {kept.role for kept in failed.evidence}) == (behaviour == "drip")


def test_an_unreachable_server_is_named_with_what_to_check():
    failed = failure(f"http://127.0.0.1:{(port := free_port())}/v1")
    assert failed.error_class is ErrorClass.TRANSIENT
    assert f"http://127.0.0.1:{port} cannot be reached" in failed.message
    assert "Check" in failed.message


ASKING = """
import asyncio, sys
from wave_runner.core.workflow import ServerSpec
from wave_runner.servers.elsewhere import model_elsewhere
from wave_runner.servers.openai import OpenAIServer
from wave_runner.servers.protocol import Request

spec = ServerSpec(name="near", driver="openai", url=sys.argv[1])
print(model_elsewhere(spec, {}))
server = OpenAIServer(spec, None)
print(asyncio.run(server.infer(Request(model="stub", prompt="private"))).text)
"""


def test_what_runs_on_this_machine_is_asked_around_the_proxy_that_the_environment_names(stub: OpenAIStub, tmp_path):
    stub.answer_with({"text": "near"})
    with OpenAIStub(tmp_path / "proxy", [{"text": "far"}], models=["far"]) as proxy:
        environment = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), proxy.url)
        asking = [sys.executable, "-c", ASKING, stub.url]
        told = subprocess.run(asking, env=environment, capture_output=True, text=True, check=True).stdout
        assert told.split() == ["stub", "near"]
        assert proxy.requests() == []


def test_a_prompt_that_is_no_unicode_text_fails_for_good_before_it_is_sent(stub: OpenAIStub):
    assert failure(stub.url, prompt="half \ud800 of a pair").error_class is ErrorClass.PERMANENT
    assert stub.requests() == []


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://localhost:1/v1", True),
        ("https://api.localhost", True),
        ("http://127.8.8.8/", True),
        ("http://[::1]:1/", True),
        ("http://10.0.0.1/", False),
        ("http://localhost.example.com/", False),
    ],
)
def test_only_the_loopback_is_on_this_machine(url: str, here: bool):
    assert exchange.is_on_this_machine(httpx2.URL(url)) is here


@pytest.mark.parametrize("url", ["", "localhost:11434/v1", "ftp://host/v1", "http://user:pass@host/v1", "http://[::1"])
def test_a_url_that_cannot_work_is_refused_at_once(url: str):
    with pytest.raises(SettingsError):
        OpenAIServer(ServerSpec(name="far", driver="openai", url=url), None)


@pytest.mark.parametrize("key", ["two\nlines", "schlüssel"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(key: str):
    with pytest.raises(SettingsError) as refused:
        OpenAIServer(ServerSpec(name="far", driver="openai", url="http://host/v1"), key)
    assert key not in str(refused.value) + refused.value.hint


def test_an_option_that_nobody_reads_is_an_error_with_the_nearest_name(stub: OpenAIStub):
    with pytest.raises(SettingsError, match="temprature") as refused:
        ask(stub.url, options={"temprature": 0})
    assert "did you mean 'temperature'" in refused.value.hint


@pytest.mark.parametrize("options", [{"temperature": "hot"}, {"seed": True}, {"max_tokens": 0}, {"stop": "text"}])
def test_an_option_of_the_wrong_kind_is_an_error(stub: OpenAIStub, options: dict[str, object]):
    with pytest.raises(SettingsError):
        ask(stub.url, options=options)


def test_a_missing_key_names_the_variable_and_not_a_value(tmp_path: Path):
    spec = ServerSpec(name="far", driver="openai", url="http://host/v1", api_key_env="FAR_KEY")
    with pytest.raises(SettingsError, match="FAR_KEY"):
        open_server(spec, project_dir=tmp_path, state_dir=tmp_path, environ={})


def keyed(folder: Path, file: str, url: str = "http://host/v1") -> ModelServer:
    spec = ServerSpec(name="far", driver="openai", url=url, api_key_file=file)
    return open_server(spec, project_dir=folder / "project", state_dir=folder, environ={})


def key_file(folder: Path, text: str, *, mode: int = 0o600) -> Path:
    file = folder / "far.key"
    file.write_text(text)
    file.chmod(mode)
    return file


@pytest.mark.parametrize("name", ["{folder}/far.key", "../far.key"])
def test_a_key_may_come_from_a_file(tmp_path: Path, stub: OpenAIStub, caplog: pytest.LogCaptureFixture, name: str):
    key_file(tmp_path, "s3cret\n")
    (tmp_path / "project").mkdir()

    async def work() -> None:
        server = keyed(tmp_path, name.format(folder=tmp_path), stub.url)
        await server.infer(Request(model="stub", prompt="hi"))
        await server.close()

    asyncio.run(work())
    assert stub.requests()[0]["authorization"] == "Bearer s3cret"
    assert caplog.messages == []


def test_a_key_that_everybody_can_read_is_warned_of_and_not_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    keyed(tmp_path, str(key_file(tmp_path, "s3cret", mode=0o644)))
    [said] = caplog.messages
    assert "far.key" in said
    assert "chmod 600" in said
    assert "s3cret" not in said


@pytest.mark.parametrize(
    ("text", "file", "said"),
    [
        (b"s3cret", "../far.kex", "No such file"),
        (b" \n", "../far.key", "is empty"),
        (b"\xff\xfe", "../far.key", "it is no text"),
        (b"s3cret", "keys/far.key", "part of the project"),
    ],
)
def test_a_file_without_a_key_or_in_the_project_is_named(tmp_path: Path, text: bytes, file: str, said: str):
    (tmp_path / "project/keys").mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "project/keys"):
        (folder / "far.key").write_bytes(text)
    with pytest.raises(SettingsError, match=said) as refused:
        keyed(tmp_path, file)
    assert "s3cret" not in str(refused.value)


def test_a_driver_that_does_not_exist_is_named(tmp_path: Path):
    with pytest.raises(SettingsError, match="telepathy"):
        open_server(ServerSpec(name="x", driver="telepathy"), project_dir=tmp_path, state_dir=tmp_path, environ={})
