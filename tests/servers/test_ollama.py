"""The driver that speaks Ollama's own protocol, against a process that speaks it too, and misbehaves as told.

No Ollama can be installed by pip: this has not been held against a real one (docs/reference/wave-toml.md says so).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.support.ollama_server import GIB, MODELS, OllamaServer
from tests.support.waiting import wait_until

from wave_runner.core.outcome import ErrorClass, Failure, Outage
from wave_runner.core.workflow import ServerSpec
from wave_runner.errors import ModelServerError
from wave_runner.servers import ollama_answer
from wave_runner.servers.binary import free_port
from wave_runner.servers.exchange import Answer
from wave_runner.servers.ollama import OllamaServer as Driver
from wave_runner.servers.protocol import Load, Reply, Request

T = TypeVar("T")
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}


@pytest.fixture
def ollama(tmp_path: Path) -> Iterator[OllamaServer]:
    with OllamaServer(tmp_path / "ollama") as running:
        yield running


def use(url: str, work: Callable[[Driver], Awaitable[T]], *, key: str | None = None, **fields: Any) -> T:
    async def run() -> T:
        server = Driver(ServerSpec(name="near", driver="ollama", url=url, **fields), key)
        try:
            return await work(server)
        finally:
            await server.close()

    return asyncio.run(run())


async def load(server: Driver, model: str = "test-a", **options: Any) -> Load:
    loaded = await server.ensure_loaded(model, options)
    assert isinstance(loaded, Load), loaded
    return loaded


def ask(ollama: OllamaServer, *, key: str | None = None, **fields: Any) -> Reply | Failure:
    """Load test-a and ask once."""

    async def work(server: Driver) -> Reply | Failure:
        await load(server)
        return await server.infer(Request(model="test-a", **{"prompt": "hi", "timeout_s": 20.0, **fields}))

    return use(ollama.url, work, key=key)


def failure(ollama: OllamaServer, **fields: Any) -> Failure:
    result = ask(ollama, **fields)
    assert isinstance(result, Failure), result
    assert len(ollama.requests()) == 1, "it was asked again without our knowing"
    return result


def test_the_span_of_an_attempt_goes_along_with_it_and_is_no_part_of_the_question(ollama: OllamaServer):
    ollama.answer_with({"text": "hello"})
    assert isinstance(ask(ollama, traceparent=f"00-{1:032x}-{2:016x}-01"), Reply)
    assert isinstance(ask(ollama), Reply)
    assert ollama.spans() == [f"00-{1:032x}-{2:016x}-01", None]
    of_a_span, of_none = ollama.requests()
    assert of_a_span == of_none


def test_what_is_sent_is_a_chat_with_the_schema_and_every_option_by_its_name_there(ollama: OllamaServer):
    ollama.answer_with({"json": {"n": 42}})
    given = {"seed": 7, "max_tokens": 90, "top_k": 3, "stop": ["\n"], "num_ctx": 2048, "think": False}

    async def work(server: Driver) -> Reply | Failure:
        await load(server, **given)
        return await server.infer(Request(model="test-a", prompt="number?", schema=SCHEMA, options=given))

    reply = use(ollama.url, work)
    assert isinstance(reply, Reply), reply
    assert (reply.text, reply.finish, reply.server_version) == ('{"n": 42}', "stop", "ollama 0.99.0")
    sent = json.loads(reply.request)
    assert [sent] == ollama.requests()
    assert sent["messages"] == [{"role": "user", "content": "number?"}]
    assert sent["format"] == SCHEMA
    assert (sent["stream"], sent["truncate"], sent["shift"], sent["think"]) == (False, False, False, False)
    assert sent["keep_alive"] > 0
    assert sent["options"] == {
        "temperature": 0.0,
        "seed": 7,
        "num_predict": 90,
        "top_k": 3,
        "stop": ["\n"],
        "num_ctx": 2048,
    }
    assert json.loads(reply.raw)["message"]["content"] == reply.text


def test_times_are_split_as_the_server_says_and_come_in_microseconds(ollama: OllamaServer):
    reply = ask(ollama, prompt="four")
    assert isinstance(reply, Reply), reply
    usage = reply.usage
    assert (usage.prompt_us, usage.generate_us) == (3_000, 5_000)
    assert (usage.tokens_in, usage.tokens_out) == (4, 5)
    assert 0 <= usage.load_us < usage.service_us


def test_the_option_api_chooses_plain_completion_without_a_template(ollama: OllamaServer):
    ollama.answer_with({"text": "and so on"})
    reply = ask(ollama, options={"api": "completion"})
    assert isinstance(reply, Reply), reply
    assert reply.text == "and so on"
    sent = ollama.requests("/api/generate")[-1]
    assert (sent["prompt"], sent["raw"]) == ("hi", True)


def test_an_empty_prompt_is_no_answer_but_a_load(ollama: OllamaServer):
    reply = ask(ollama, prompt="", options={"api": "completion"})
    assert isinstance(reply, Failure)
    assert reply.error_class is ErrorClass.INVALID_OUTPUT
    assert "'load'" in reply.message


@pytest.mark.parametrize(
    ("status", "expected", "outage", "words"),
    [
        (400, ErrorClass.PERMANENT, None, "because"),
        (404, ErrorClass.PERMANENT, Outage.MODEL, "ollama pull"),
        (500, ErrorClass.TRANSIENT, None, "because"),
        (503, ErrorClass.OVERLOADED, Outage.SERVER, "queue is full"),
    ],
)
def test_a_status_decides_whether_another_try_can_help(
    ollama: OllamaServer, status: int, expected: ErrorClass, outage: Outage | None, words: str
):
    ollama.answer_with({"status": status, "error": "because of this", "headers": {"Retry-After": "3"}})
    failed = failure(ollama)
    assert (failed.error_class, failed.outage, failed.retry_after_s) == (expected, outage, 3.0)
    assert f"{ollama.url} answered {status}: because of this" in failed.message
    assert words in failed.message
    assert [kept.role for kept in failed.evidence] == ["request", "answer", "server"]


@pytest.mark.parametrize("status", [400, 413, 500])
def test_a_prompt_that_is_too_long_fails_for_good_whatever_status_says_so(ollama: OllamaServer, status: int):
    ollama.answer_with({"status": status, "error": "the input length exceeds the context length"})
    failed = failure(ollama)
    assert (failed.error_class, failed.outage) == (ErrorClass.PERMANENT, None)


def test_a_version_that_cuts_a_prompt_without_a_word_is_found_out(ollama: OllamaServer):
    ollama.tell(old=True)
    failed = failure(ollama, prompt="x" * 5000)
    assert failed.error_class is ErrorClass.PERMANENT
    assert "4096 tokens of context" in failed.message
    assert failed.usage.tokens_in == 4096


def test_a_context_beyond_what_the_weights_can_have_is_the_one_that_they_have(ollama: OllamaServer):
    ollama.tell(old=True, models={"test-a:latest": {**MODELS["test-a:latest"], "context": 100}})
    failed = failure(ollama, prompt="x" * 200)
    assert failed.error_class is ErrorClass.PERMANENT
    assert "100 tokens of context" in failed.message


@pytest.mark.parametrize(
    ("behaviour", "expected", "outage", "words"),
    [
        ("half_json", ErrorClass.TRANSIENT, None, "no answer of Ollama"),
        ("garbage", ErrorClass.TRANSIENT, None, "no answer of Ollama"),
        ("close", ErrorClass.TRANSIENT, None, "broke"),
        ("wrong_model", ErrorClass.TRANSIENT, Outage.MODEL, "'another:latest' has answered"),
        ("error_in_stream", ErrorClass.TRANSIENT, None, "an error was encountered"),
        ("cut_stream", ErrorClass.TRANSIENT, None, "cut"),
    ],
)
def test_a_bad_answer_is_named_and_kept(
    ollama: OllamaServer, behaviour: str, expected: ErrorClass, outage: Outage | None, words: str
):
    ollama.answer_with({"behaviour": behaviour, "text": "some text"})
    failed = failure(ollama)
    assert (failed.error_class, failed.outage) == (expected, outage)
    assert words in failed.message
    assert failed.message.isprintable()
    kept = {one.role: one.content for one in failed.evidence}
    assert json.loads(kept["request"])["model"] == "test-a:latest"
    assert kept["answer"]


def test_a_server_that_hangs_runs_into_the_time_limit(ollama: OllamaServer):
    ollama.answer_with({"behaviour": "hang"})
    failed = failure(ollama, timeout_s=0.4)
    assert failed.error_class is ErrorClass.TIMEOUT
    assert "0.4 s" in failed.message


def test_an_answer_that_stops_in_the_middle_is_given_up_and_what_came_is_kept(ollama: OllamaServer):
    ollama.answer_with({"behaviour": "stall", "text": "the beginning"})
    failed = failure(ollama, token_timeout_s=0.3, timeout_s=25.0)
    assert (failed.error_class, failed.outage) == (ErrorClass.TRANSIENT, None)
    assert "nothing for 0.3 s" in failed.message
    (answer,) = [one.content for one in failed.evidence if one.role == "answer"]
    assert b"the beginning" in answer


def test_text_with_half_a_surrogate_pair_is_an_answer_with_its_exact_bytes(ollama: OllamaServer):
    ollama.answer_with({"text": "half \ud800 a pair"})
    reply = ask(ollama)
    assert isinstance(reply, Reply), reply
    assert reply.text == "half \ud800 a pair"
    assert rb"\ud800" in reply.raw


def test_what_ends_a_line_of_a_text_ends_no_line_of_an_answer():
    """JSON may hold these as they are, and texts from web pages do."""
    text = "a\u0085b\u2028c"
    said = {"model": "test-a", "response": text, "done": True, "prompt_eval_count": 3, "eval_count": 4}
    answer = Answer(status=200, headers={}, body=json.dumps(said, ensure_ascii=False).encode(), service_us=1)
    request = Request(model="test-a", prompt="hi")
    reply = ollama_answer.read(answer, where="there", request=request, sent=b"{}", context=4096)
    assert isinstance(reply, Reply), reply
    assert reply.text == text


def test_the_key_goes_into_the_header_and_never_into_a_message(ollama: OllamaServer):
    ollama.answer_with({"status": 401, "error": "the key s3cret is wrong"})
    refused = failure(ollama, key="s3cret\n")
    assert "s3cret" not in refused.message
    assert "Check the API key" in refused.message


def test_a_name_without_a_tag_is_the_latest_and_needs_one_load(ollama: OllamaServer):
    async def work(server: Driver) -> None:
        assert (await load(server, "test-a")).loaded
        assert not (await load(server, "test-a:latest")).loaded
        assert await server.digest("test-a") == await server.digest("test-a:latest") == f"sha256:{'a' * 64}"

    use(ollama.url, work)
    assert ollama.loads() == ["test-a:latest"]


def test_another_context_is_another_load_and_requests_never_cause_one(ollama: OllamaServer):
    async def work(server: Driver) -> None:
        assert (await load(server, num_ctx=2048)).loaded
        assert isinstance(await server.infer(Request(model="test-a", prompt="hi", options={"num_ctx": 2048})), Reply)
        assert not (await load(server, num_ctx=2048, seed=3)).loaded
        # It must not make the server load anew behind our back, nor be asked with a context that it does not say.
        refused = await server.infer(Request(model="test-a", prompt="hi", options={"num_ctx": 512}))
        assert isinstance(refused, Failure)
        assert (refused.error_class, refused.outage) == (ErrorClass.TRANSIENT, Outage.MODEL)
        assert "with these options is not loaded" in refused.message
        assert (await load(server)).loaded
        assert isinstance(await server.infer(Request(model="test-a", prompt="hi")), Reply)

    use(ollama.url, work)
    assert len(ollama.loads()) == 2
    assert [body["options"]["num_ctx"] for body in ollama.requests()] == [2048, 4096]


def test_what_an_earlier_runner_has_left_in_memory_is_not_loaded_again_and_is_known_as_well(ollama: OllamaServer):
    first = use(ollama.url, load)

    async def work(server: Driver) -> tuple[Load, Reply | Failure]:
        return await load(server), await server.infer(Request(model="test-a", prompt="number?"))

    again, reply = use(ollama.url, work)
    assert (again.loaded, again.digest) == (False, first.digest)
    assert isinstance(reply, Reply)
    assert reply.server_version == "ollama 0.99.0"
    assert use(ollama.url, load, context=1024).loaded
    assert len(ollama.loads()) == 2


def test_weights_that_were_pulled_anew_are_loaded_anew(ollama: OllamaServer):
    async def work(server: Driver) -> None:
        await load(server)
        ollama.tell(models={**MODELS, "test-a:latest": {**MODELS["test-a:latest"], "digest": "f" * 64}})
        anew = await load(server)
        assert anew.loaded
        assert anew.digest == await server.digest("test-a") == f"sha256:{'f' * 64}"

    use(ollama.url, work)
    assert ollama.loads() == ["test-a:latest"] * 2


def test_what_the_server_drops_by_itself_is_reported_as_evicted(ollama: OllamaServer):
    ollama.tell(at_once=1)

    async def work(server: Driver) -> None:
        await load(server, "test-a")
        assert (await load(server, "test-b")).evicted == ("test-a:latest",)
        assert (await load(server, "test-a")).loaded

    use(ollama.url, work, memory=100 * GIB)


def test_a_model_at_work_is_spared_and_one_that_is_told_to_leave_ends_its_work_first(ollama: OllamaServer):
    ollama.answer_with({"match": "slowly", "behaviour": "hang"})

    async def work(server: Driver) -> None:
        await load(server, "test-a")
        asked = asyncio.create_task(server.infer(Request(model="test-a", prompt="slowly", timeout_s=2.0)))
        await load(server, "test-b")
        assert isinstance(await server.infer(Request(model="test-b", prompt="hi")), Reply)
        await asyncio.to_thread(wait_until, lambda: len(ollama.requests()) == 2)
        # test-a was asked longest ago, and has not answered yet.
        assert (await load(server, "test-c")).evicted == ("test-b:latest",)
        assert isinstance(await asked, Failure)

    use(ollama.url, work, models_max=2)


def test_a_model_that_turns_out_larger_than_the_memory_is_unloaded_and_refused(ollama: OllamaServer):
    ollama.tell(models={**MODELS, "test-a:latest": {**MODELS["test-a:latest"], "resident": 9 * GIB}})

    async def work(server: Driver) -> list[Load | Failure]:
        failed = [await server.ensure_loaded("test-a"), await server.ensure_loaded("test-a")]
        assert await server.resident() == {}
        return failed

    for failed in use(ollama.url, work, memory=6 * GIB):
        assert isinstance(failed, Failure)
        assert (failed.error_class, failed.outage) == (ErrorClass.PERMANENT, Outage.MODEL)
        assert "9.0 GiB" in failed.message
    assert ollama.loads() == ["test-a:latest"], "what it takes was known the second time"


def test_a_load_that_fails_speaks_of_the_model_and_the_others_work(ollama: OllamaServer):
    ollama.tell(models={**MODELS, "test-a:latest": {**MODELS["test-a:latest"], "fails": "it needs more memory"}})

    async def work(server: Driver) -> Load | Failure:
        failed = await server.ensure_loaded("test-a")
        await load(server, "test-b")
        return failed

    failed = use(ollama.url, work)
    assert isinstance(failed, Failure)
    assert (failed.error_class, failed.outage) == (ErrorClass.TRANSIENT, Outage.MODEL)
    assert "it needs more memory" in failed.message


def test_a_load_that_takes_too_long_is_a_timeout(ollama: OllamaServer):
    ollama.tell(models={**MODELS, "test-a:latest": {**MODELS["test-a:latest"], "load_s": 5.0}})
    failed = use(ollama.url, lambda server: server.ensure_loaded("test-a"), start_timeout_s=0.3)
    assert isinstance(failed, Failure)
    assert failed.error_class is ErrorClass.TIMEOUT


def test_nobody_there_is_an_outage_of_the_server():
    url = f"http://127.0.0.1:{free_port()}"

    async def work(server: Driver) -> Load | Failure:
        for asking in (server.resident(), server.capabilities(), server.digest("test-a")):
            with pytest.raises(ModelServerError, match=url):
                await asking
        return await server.ensure_loaded("test-a")

    failed = use(url, work)
    assert isinstance(failed, Failure)
    assert (failed.error_class, failed.outage) == (ErrorClass.TRANSIENT, Outage.SERVER)
