"""The driver that owns a llama-server, on a real one with tiny random weights."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import jsonschema_rs
import pytest
from tests.support.random_gguf import FAST, write_random_gguf
from tests.support.waiting import wait_until

from wave_runner.core.outcome import ErrorClass, Failure, Outage
from wave_runner.core.workflow import ServerSpec
from wave_runner.errors import SettingsError
from wave_runner.servers import open_server
from wave_runner.servers.llama_cpp import LlamaCppServer, count_loads
from wave_runner.servers.protocol import Load, Reply, Request

SCHEMA = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "pattern": "^[A-Za-z0-9 .]{1,24}$"},
        "score": {"type": "integer", "minimum": 0, "maximum": 100},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 8}, "maxItems": 3},
        "verdict": {"enum": ["GENUINE", "FAKE"]},
    },
    "required": ["title", "score", "tags", "verdict"],
    "additionalProperties": False,
}
# Many seconds of work: the model "slow" reads 4,000 tokens again for each of 3,000.
ENDLESS = {"type": "string", "pattern": "^[a-z]{3000}$"}
T = TypeVar("T")
SPEC = ServerSpec(name="local", driver="llama_cpp", models_dir="models", context=8192, threads=1)


def use(project: Path, work: Callable[[LlamaCppServer], Awaitable[T]], **fields: Any) -> T:
    """Run `work` with a server of `project`, which is closed afterwards."""

    async def run() -> T:
        spec = ServerSpec(**{**vars(SPEC), **fields})
        server = open_server(spec, project_dir=project, state_dir=project / "state", environ=os.environ)
        assert isinstance(server, LlamaCppServer)
        try:
            return await work(server)
        finally:
            await server.close()

    return asyncio.run(run())


def request(model: str = "test-a", **fields: Any) -> Request:
    return Request(
        model=model, **{"prompt": "Posting: a welder.\nJSON: ", "schema": SCHEMA, "timeout_s": 60.0, **fields}
    )


async def text(server: LlamaCppServer, model: str = "test-a", **fields: Any) -> str:
    reply = await server.infer(request(model, **fields))
    assert isinstance(reply, Reply), reply
    assert reply.finish == "stop"
    return reply.text


async def load(server: LlamaCppServer, model: str = "test-a") -> Load:
    loaded = await server.ensure_loaded(model)
    assert isinstance(loaded, Load), loaded
    return loaded


def write_slow(project: Path) -> None:
    write_random_gguf(project / "models/slow.gguf", "slow", layers=4)


def endless(**fields: Any) -> Request:
    return request("slow", schema=ENDLESS, options={"max_tokens": 4000}, prompt="x" * 4000, **fields)


def processes(project: Path) -> dict[int, list[str]]:
    """Return the live processes whose command line names a folder of the project: launcher, router, models."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if any(word.startswith((f"{project}/state", f"{project}/models")) for word in words):
            found[int(folder.name)] = words
    return found


def one(project: Path, kind: str) -> int:
    """Return the process id of the "launcher", the "router" or the "model"."""
    (pid,) = (pid for pid, words in processes(project).items() if _kind(words) == kind)
    return pid


def _kind(words: list[str]) -> str:
    if any(word.endswith("launcher.py") for word in words):
        return "launcher"
    return "router" if "--models-dir" in words else "model"


@pytest.mark.parametrize("api", ["completion", "chat"])
def test_an_answer_fits_its_schema_and_holds_no_white_space_between_tokens(project: Path, api: str):
    async def work(server: LlamaCppServer) -> Reply | Failure:
        await load(server)
        return await server.infer(request(options={"api": api}))

    reply = use(project, work)
    assert isinstance(reply, Reply)
    value = json.loads(reply.text)
    assert jsonschema_rs.is_valid(SCHEMA, value)
    assert reply.text == json.dumps(value, separators=(",", ":"))
    assert reply.usage.tokens_out > 0
    assert reply.usage.generate_us > 0
    assert reply.server_version
    assert json.loads(reply.request)["seed"] == 0
    assert reply.text in json.loads(reply.raw)["choices"][0].get("text", reply.text)


def test_the_same_request_gives_the_same_answer_whatever_was_asked_before(project: Path):
    async def work(server: LlamaCppServer) -> set[str]:
        await load(server)
        asked = [await text(server) for _ in range(2)]
        await text(server, prompt="Posting: a welder.\nsomething else that shares a beginning")
        return {*asked, await text(server)}

    assert len(use(project, work)) == 1


def test_nothing_is_carried_from_one_prompt_to_the_next_unless_asked_for(project: Path):
    async def work(server: LlamaCppServer) -> list[int]:
        await load(server)
        cached = []
        for options in ({}, {}, {"cache_prompt": True}, {"cache_prompt": True}):
            reply = await server.infer(request(options=options))
            assert isinstance(reply, Reply)
            cached.append(reply.usage.tokens_cached)
        return cached

    *fresh, _, carried = use(project, work)
    assert fresh == [0, 0]
    assert carried > 0


def test_answers_depend_on_the_model_and_the_prompt(project: Path):
    async def work(server: LlamaCppServer) -> set[str]:
        answers = set()
        for model in ("test-a", "test-b"):
            await load(server, model)
            answers |= {await text(server, model, prompt=prompt) for prompt in ("a welder", "an archivist of maps")}
        return answers

    assert len(use(project, work)) >= 3


def test_a_model_is_loaded_once_however_often_it_is_asked_for_and_the_log_counts_it(project: Path):
    async def work(server: LlamaCppServer) -> None:
        assert await server.resident() == {}
        evicted: tuple[str, ...] = ()
        for model in ("test-a", "test-b", "test-c"):
            first = await load(server, model)
            assert first.loaded
            assert first.load_us > 0
            assert first.evicted == evicted
            evicted = (model,)
            for _ in range(3):
                assert not (await load(server, model)).loaded
                await text(server, model)
            assert set(await server.resident()) == {model}
        assert count_loads(server.log) == 3
        await server.unload("test-c")
        await server.unload("test-c")
        assert await server.resident() == {}

    use(project, work)


def test_with_room_for_two_the_least_recently_asked_model_goes(project: Path):
    async def work(server: LlamaCppServer) -> None:
        await load(server, "test-a")
        await load(server, "test-b")
        assert set(await server.resident()) == {"test-a", "test-b"}
        await text(server, "test-a")
        assert (await load(server, "test-c")).evicted == ("test-b",)
        assert set(await server.resident()) == {"test-a", "test-c"}

    use(project, work, models_max=2)


def test_several_slots_answer_at_once_and_the_same_as_one(project: Path):
    async def work(server: LlamaCppServer) -> list[str]:
        await load(server)
        return list(await asyncio.gather(*(text(server, prompt=f"Posting {n}: ") for n in range(6))))

    assert use(project, work, slots=3) == use(project, work)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(ab|cd)$"}}, "required": ["a"]},
        {"type": "string", "pattern": "^[a-z]{20,30}$"},
        {"type": "string", "minLength": 1001, "maxLength": 2000},
        {"type": "array", "items": {"type": "number", "minimum": -3, "maximum": 17.5}, "minItems": 2, "maxItems": 4},
        {"type": ["null", "boolean"]},
        {"oneOf": [{"type": "integer", "minimum": -120, "maximum": 37}, {"const": 'a "quoted" \\ text'}]},
    ],
)
def test_the_server_holds_answers_to_every_kind_of_schema(project: Path, schema: dict[str, Any]):
    async def work(server: LlamaCppServer) -> str:
        await load(server)
        return await text(server, schema=schema, options={"max_tokens": 4000, "temperature": 0.9})

    assert jsonschema_rs.is_valid(schema, json.loads(use(project, work)))


def test_an_answer_cut_at_the_token_limit_says_so(project: Path):
    async def work(server: LlamaCppServer) -> Reply | Failure:
        await load(server)
        return await server.infer(request(options={"max_tokens": 5}))

    reply = use(project, work)
    assert isinstance(reply, Reply)
    assert reply.finish == "length"
    assert reply.usage.tokens_out == 5


def test_a_prompt_longer_than_the_context_fails_for_good_and_says_by_how_much(project: Path):
    async def work(server: LlamaCppServer) -> Reply | Failure:
        await load(server)
        return await server.infer(request(prompt="x" * 9000))

    failed = use(project, work)
    assert isinstance(failed, Failure)
    assert failed.error_class is ErrorClass.PERMANENT
    assert "9001 tokens" in failed.message


def test_free_text_that_is_not_utf_8_is_invalid_output_or_shows_where_it_was_not(project: Path):
    async def work(server: LlamaCppServer) -> list[Reply | Failure]:
        await load(server)
        return [await server.infer(request(schema=None, options={"temperature": 1.5, "seed": n})) for n in range(3)]

    results = use(project, work)
    failed = [result for result in results if isinstance(result, Failure)]
    # Newer servers put a replacement character in the place of what is no text.
    assert failed or any("\ufffd" in result.text for result in results if isinstance(result, Reply))
    for failure in failed:
        assert failure.error_class is ErrorClass.INVALID_OUTPUT
        assert {kept.role for kept in failure.evidence} == {"request", "answer", "server"}


def test_a_request_that_runs_into_its_time_limit_gives_its_slot_back(project: Path):
    async def work(server: LlamaCppServer) -> float:
        await load(server, "slow")
        late = await server.infer(endless(timeout_s=0.3))
        assert isinstance(late, Failure)
        assert late.error_class is ErrorClass.TIMEOUT
        started = time.monotonic()
        await text(server, "slow")
        return time.monotonic() - started

    write_slow(project)
    assert use(project, work) < 5  # left alone, the request would hold the only slot far longer


def test_a_model_that_is_not_loaded_is_not_loaded_behind_our_back(project: Path):
    async def work(server: LlamaCppServer) -> Reply | Failure:
        await load(server, "test-a")
        failed = await server.infer(request("test-b"))
        assert set(await server.resident()) == {"test-a"}
        return failed

    failed = use(project, work)
    assert isinstance(failed, Failure)
    assert failed.error_class is ErrorClass.TRANSIENT


def test_missing_weights_are_named_with_what_is_there(project: Path):
    missing = use(project, lambda server: server.ensure_loaded("test-x"))
    assert isinstance(missing, Failure)
    assert (missing.error_class, missing.outage) == (ErrorClass.PERMANENT, Outage.MODEL)
    assert "test-x.gguf is not a file" in missing.message
    assert "test-a, test-b, test-c" in missing.message


def test_weights_that_are_replaced_are_loaded_anew_and_a_load_says_which_are_in_memory(project: Path):
    async def work(server: LlamaCppServer) -> None:
        before = (await load(server)).digest
        assert await server.digest("test-a") == before
        answer = await text(server)
        write_random_gguf(project / "models/new.gguf", "new", seed=7)
        (project / "models/new.gguf").replace(project / "models/test-a.gguf")
        assert await server.digest("test-a") != before, "they are what is asked after the next load"
        assert await text(server) == answer
        anew = await load(server)
        assert anew.loaded
        assert anew.evicted == ()
        assert anew.digest == await server.digest("test-a") != before
        assert await text(server) != answer

    use(project, work)


def test_an_answer_of_another_model_at_the_same_place_is_not_taken(project: Path):
    async def work(server: LlamaCppServer) -> Reply | Failure:
        await load(server, "test-a")
        await load(server, "test-b")
        server._urls["test-a"] = server._urls["test-b"]  # its process died, and another one got its port
        failed = await server.infer(request("test-a"))
        assert isinstance(await server.infer(request("test-b")), Reply)
        assert not (await load(server, "test-a")).loaded
        assert isinstance(await server.infer(request("test-a")), Reply)
        return failed

    failed = use(project, work, models_max=2)
    assert isinstance(failed, Failure)
    assert (failed.error_class, failed.outage) == (ErrorClass.TRANSIENT, Outage.MODEL)
    assert "'test-b' has answered" in failed.message
    assert {kept.role for kept in failed.evidence} == {"request", "answer", "server"}


def test_memory_is_counted_from_the_file_and_its_context(project: Path):
    size = (project / "models/test-a.gguf").stat().st_size
    # One layer, 64 numbers for a key and 64 for a value, two bytes each, for each token of each slot.
    in_all = size + (64 + 64) * 2 * 8192 * 3

    async def work(server: LlamaCppServer) -> None:
        await load(server, "test-a")
        assert await server.resident() == {"test-a": in_all}
        assert (await load(server, "test-b")).evicted == ()
        assert (await load(server, "test-c")).evicted == ("test-a",)

    use(project, work, slots=3, memory=2 * in_all + 1000)


def test_a_file_that_is_no_model_fails_for_good_and_the_others_still_work(project: Path):
    (project / "models/broken.gguf").write_bytes((project / "models/test-a.gguf").read_bytes()[:5000])

    async def work(server: LlamaCppServer) -> Load | Failure:
        failed = await server.ensure_loaded("broken")
        await load(server, "test-b")
        await text(server, "test-b")
        return failed

    failed = use(project, work)
    assert isinstance(failed, Failure)
    assert failed.error_class is ErrorClass.PERMANENT
    assert "broken.gguf" in failed.message


def test_weights_that_come_while_the_server_runs_are_found(project: Path):
    async def work(server: LlamaCppServer) -> None:
        await load(server, "test-a")
        write_random_gguf(project / "models/late.gguf", "late", **FAST)
        assert (await load(server, "late")).loaded

    use(project, work)


@pytest.mark.parametrize("victim", ["model", "router", "launcher"])
def test_a_process_killed_under_a_request_is_a_crash_and_the_next_load_starts_anew(project: Path, victim: str):
    async def work(server: LlamaCppServer) -> Failure | Reply:
        await load(server, "slow")
        asked = asyncio.create_task(server.infer(endless()))
        await asyncio.to_thread(wait_until, lambda: b"processing task" in server.log.read_bytes(), "it never began")
        os.kill(one(project, victim), signal.SIGKILL)
        failed = await asked
        assert (await load(server, "slow")).loaded
        await text(server, "slow")
        return failed

    write_slow(project)
    failed = use(project, work)
    assert isinstance(failed, Failure), failed
    assert failed.error_class is ErrorClass.CRASHED
    assert "ended under the request" in failed.message
    assert processes(project) == {}


def test_nothing_is_left_when_the_server_is_closed(project: Path):
    async def work(server: LlamaCppServer) -> int:
        await load(server)
        running = len(processes(project))
        await server.close()
        await server.close()
        return running

    assert use(project, work) == 3  # launcher, router, model
    assert processes(project) == {}
    assert list((project / "state").glob("key-*")) == []


def test_a_server_that_was_never_used_closes_without_a_trace(tmp_path: Path):
    async def work(server: LlamaCppServer) -> None:
        assert await server.resident() == {}
        await server.unload("test-a")

    use(tmp_path, work)
    assert list(tmp_path.iterdir()) == []


RUNNER = """
import asyncio, os, sys
from pathlib import Path
from wave_runner.core.workflow import ServerSpec
from wave_runner.servers import open_server
from wave_runner.servers.protocol import Request

async def main(project):
    spec = ServerSpec(name="local", driver="llama_cpp", models_dir="models", context=8192, threads=1)
    server = open_server(spec, project_dir=project, state_dir=project / "state", environ=os.environ)
    await server.ensure_loaded("slow")
    schema = {"type": "string", "pattern": "^[a-z]{3000}$"}
    asked = server.infer(Request(model="slow", prompt="x" * 4000, schema=schema, options={"max_tokens": 4000}))
    task = asyncio.create_task(asked)
    while b"processing task" not in server.log.read_bytes():
        await asyncio.sleep(0.01)
    print("busy", flush=True)
    await task
    await asyncio.sleep(60)

asyncio.run(main(Path(sys.argv[1])))
"""


def test_a_runner_killed_with_sigkill_leaves_no_process_and_no_key(project: Path):
    write_slow(project)
    environment = {"PATH": os.defpath, "A_SECRET": "do-not-hand-on"}
    environment |= {name: os.environ[name] for name in ("WAVE_LLAMA_SERVER",) if name in os.environ}
    with subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(project)], env=environment, stdout=subprocess.PIPE, text=True
    ) as runner:
        assert runner.stdout is not None
        assert runner.stdout.readline() == "busy\n"
        family = [pid for pid in processes(project) if pid != runner.pid]
        secrets = [pid for pid in family if b"do-not-hand-on" in Path(f"/proc/{pid}/environ").read_bytes()]
        (key_file,) = (project / "state").glob("key-*")
        mode = stat.S_IMODE(key_file.stat().st_mode)
        runner.kill()
    assert len(family) == 3
    assert secrets == []
    assert mode == 0o600
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in family), "processes outlived their runner")
    assert not key_file.exists()


def test_nobody_without_the_key_is_served_and_no_web_page_may_read_the_answers(project: Path):
    async def work(server: LlamaCppServer) -> tuple[int, int, str]:
        await load(server)
        router, model = (processes(project)[one(project, kind)] for kind in ("router", "model"))
        ports = [words[words.index("--port") + 1] for words in (router, model)]
        headers = {"Origin": "http://evil.example"}
        body = {"model": "test-a", "prompt": "x", "max_tokens": 1}
        async with httpx2.AsyncClient(trust_env=False, headers=headers) as stranger:
            load_answer = await stranger.post(f"http://127.0.0.1:{ports[0]}/models/load", json=body)
            answer = await stranger.post(f"http://127.0.0.1:{ports[1]}/v1/completions", json=body)
        return load_answer.status_code, answer.status_code, answer.headers.get("access-control-allow-origin", "")

    load_status, status, origin = use(project, work)
    assert (load_status, status) == (401, 401)
    assert origin not in {"*", "http://evil.example"}


def test_the_digest_is_that_of_the_weights(project: Path):
    digest = use(project, lambda server: server.digest("test-a"))
    whole = subprocess.run(["sha256sum", project / "models/test-a.gguf"], capture_output=True, text=True, check=True)
    assert digest == "sha256:" + whole.stdout.split()[0]


def test_an_option_that_nobody_reads_is_an_error(project: Path):
    with pytest.raises(SettingsError, match="topk"):
        use(project, lambda server: server.infer(request(options={"topk": 3})))
