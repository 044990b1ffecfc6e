"""What every driver keeps, each held against a server of its kind.

`llama_cpp` and `openai` are held against real llama-servers. No Ollama can be installed by pip: its driver is held
against a process that speaks the recorded protocol (tests/support/ollama_server.py), which is no Ollama.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import jsonschema_rs
import pytest
from tests.servers.places import SCHEMA, Place, by_url, owned, spoken
from tests.support.waiting import wait_until

from wave_runner.core.outcome import ErrorClass, Failure, Outage
from wave_runner.errors import SettingsError
from wave_runner.servers.protocol import Load, ModelServer, Reply

T = TypeVar("T")


@pytest.fixture(params=["llama_cpp", "openai", "ollama"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "ollama":
        with spoken(tmp_path) as one:
            yield one
        return
    probe = request.getfixturevalue("probed")
    with owned(tmp_path, probe) if request.param == "llama_cpp" else by_url(tmp_path) as one:
        yield one


@pytest.fixture
def loading(place: Place) -> Place:
    """A server that loads what it is told."""
    if not place.loads:
        pytest.skip("what this server has in memory is its own business")
    return place


def use(place: Place, work: Callable[[ModelServer], Awaitable[T]], **fields: Any) -> T:
    """Run `work` with the driver, which is closed afterwards, twice."""

    async def run() -> T:
        server = place.open(**fields)
        try:
            return await work(server)
        finally:
            await server.close()
            await server.close()

    return asyncio.run(run())


async def load(server: ModelServer, model: str = "test-a", **fields: Any) -> Load:
    loaded = await server.ensure_loaded(model, **fields)
    assert isinstance(loaded, Load), loaded
    assert loaded.model == model
    return loaded


def met(place: Place) -> list[str]:
    """The evidence of who a failed attempt has met: of a server by URL its answers alone can tell."""
    return ["server"] if place.loads else []


def names(resident: Any) -> set[str]:
    return {name.removesuffix(":latest") for name in resident}


def test_it_says_what_the_runner_may_rely_on(place: Place):
    able = use(place, lambda server: server.capabilities(), slots=3)
    assert able.slots == 3
    assert able.controls_residency is place.loads
    assert bool(able.version) is place.loads
    assert able.models_max == (1 if place.loads else None)


def test_a_digest_names_the_weights(place: Place):
    async def work(server: ModelServer) -> list[str]:
        before = await server.digest("test-a")
        loads = [await load(server, "test-a"), await load(server, "test-a")]
        assert {one.digest for one in loads} == {before}
        return [before, await server.digest("test-a"), await server.digest("test-b")]

    first, again, other = use(place, work)
    assert first == again != other
    assert use(place, load).digest == first
    assert first.startswith("sha256:" if place.loads else f"name:{place.url.removesuffix('/v1')}/")


def test_requests_that_are_alike_are_one_question_whether_or_not_anybody_is_there(place: Place):
    async def work(server: ModelServer) -> list[bytes | None]:
        one = place.request()
        others = [replace(one, prompt="Else?"), replace(one, options={**one.options, "seed": 9})]
        return [server.wording(request) for request in (one, replace(one), *others)]

    one, same, *others = use(place, work)
    assert one is not None
    assert one == same
    assert len({one, *others}) == 3


def test_a_model_is_loaded_once_however_often_it_is_asked_for(loading: Place):
    async def work(server: ModelServer) -> None:
        assert await server.resident() == {}
        evicted: tuple[str, ...] = ()
        for model in ("test-a", "test-b", "test-c"):
            first = await load(server, model)
            assert first.loaded
            assert first.load_us > 0
            assert names(first.evicted) == set(evicted)
            evicted = (model,)
            again = await load(server, model)
            assert (again.loaded, again.load_us, again.evicted) == (False, 0, ())
            resident = await server.resident()
            assert names(resident) == {model}
            assert all(size is not None and size > 100_000 for size in resident.values())
            assert list(resident.values()) == [await server.size(model)]
        assert (await server.size("test-a") or 0) > 100_000, "of one that is not in memory it is known too"

    use(loading, work)


def test_a_server_that_loads_by_itself_is_only_looked_for(place: Place):
    if place.loads:
        pytest.skip("this server loads what it is told")

    async def work(server: ModelServer) -> None:
        assert not (await load(server)).loaded
        assert await server.size("test-a") is None
        await server.unload("test-a")
        assert await server.resident() == {}
        assert isinstance(await server.infer(place.request()), Reply)

    use(place, work)


def test_what_is_to_leave_is_said_and_nothing_else_leaves(loading: Place):
    async def work(server: ModelServer) -> None:
        await load(server, "test-a")
        await load(server, "test-b")
        third = await load(server, "test-c", evict=["test-b"])
        assert names(third.evicted) == {"test-b"}
        assert names(await server.resident()) == {"test-a", "test-c"}
        refused = await server.ensure_loaded("test-b", evict=[])
        assert isinstance(refused, Failure)
        assert refused.error_class is ErrorClass.TRANSIENT
        assert "test-a" in refused.message
        assert names(await server.resident()) == {"test-a", "test-c"}

    use(loading, work, models_max=2)


def test_a_model_that_somebody_is_at_between_two_requests_does_not_leave(loading: Place):
    """Without it the one that was asked for longest ago would."""

    async def work(server: ModelServer) -> None:
        await load(server, "test-a")
        await load(server, "test-b")
        third = await load(server, "test-c", kept=["test-a"])
        assert names(third.evicted) == {"test-b"}
        refused = await server.ensure_loaded("test-b", kept=["test-c", "test-a"])
        assert isinstance(refused, Failure)
        assert (refused.error_class, refused.outage) == (ErrorClass.TRANSIENT, Outage.MODEL)
        assert names(await server.resident()) == {"test-a", "test-c"}

    use(loading, work, models_max=2)


def test_models_that_fit_into_the_memory_stay_and_the_longest_unasked_makes_room(loading: Place):
    gib = 1024**3

    async def work(server: ModelServer) -> None:
        assert [(await load(server, model)).loaded for model in ("test-a", "test-b", "test-a")] == [True, True, False]
        assert isinstance(await server.infer(loading.request("test-a")), Reply)
        assert names((await load(server, "test-c")).evicted) == {"test-b"}
        assert await server.resident() == dict.fromkeys(await server.resident(), 2 * gib)
        assert names(await server.resident()) == {"test-a", "test-c"}

    use(loading, work, memory=dict.fromkeys(("test-a", "test-b", "test-c"), 2 * gib), memory_of_server=5 * gib)


def test_a_model_larger_than_the_memory_fails_for_good_and_the_others_work(loading: Place):
    async def work(server: ModelServer) -> Load | Failure:
        await load(server, "test-b")
        failed = await server.ensure_loaded("test-a")
        assert names(await server.resident()) == {"test-b"}
        return failed

    failed = use(loading, work, memory={"test-a": 9 * 1024**3, "test-b": 1024}, memory_of_server=6 * 1024**3)
    assert isinstance(failed, Failure)
    assert (failed.error_class, failed.outage) == (ErrorClass.PERMANENT, Outage.MODEL)
    assert "9.0 GiB" in failed.message
    assert "6.0 GiB" in failed.message


def test_a_model_that_is_not_there_fails_for_good_and_the_others_work(loading: Place):
    async def work(server: ModelServer) -> Load | Failure:
        failed = await server.ensure_loaded("test-x")
        await load(server, "test-a")
        assert isinstance(await server.infer(loading.request()), Reply)
        return failed

    failed = use(loading, work)
    assert isinstance(failed, Failure)
    assert (failed.error_class, failed.outage) == (ErrorClass.PERMANENT, Outage.MODEL)
    assert "test-x" in failed.message
    assert "test-a" in failed.message, "it does not say what is there"


def test_a_model_that_was_not_loaded_is_not_loaded_behind_our_back(loading: Place):
    async def work(server: ModelServer) -> None:
        await load(server, "test-a")
        await load(server, "test-b")
        failed = await server.infer(loading.request("test-a"))
        assert isinstance(failed, Failure)
        assert (failed.error_class, failed.outage) == (ErrorClass.TRANSIENT, Outage.MODEL), (
            "it says nothing of the record"
        )
        assert names(await server.resident()) == {"test-b"}

    use(loading, work)


def test_what_is_unloaded_is_gone_and_can_come_again(loading: Place):
    async def work(server: ModelServer) -> None:
        await server.unload("test-a")
        await load(server)
        await server.unload("test-a")
        assert await server.resident() == {}
        assert isinstance(await server.infer(loading.request()), Failure)
        assert (await load(server)).loaded
        assert isinstance(await server.infer(loading.request()), Reply)

    use(loading, work)


def test_an_answer_fits_its_schema_and_comes_with_its_bytes_and_its_cost(place: Place):
    async def work(server: ModelServer) -> Reply | Failure:
        await load(server)
        return await server.infer(place.request())

    reply = use(place, work)
    assert isinstance(reply, Reply), reply
    assert jsonschema_rs.is_valid(SCHEMA, json.loads(reply.text))
    assert reply.finish == "stop"
    assert reply.server_version
    if place.loads:
        assert reply.server_version == use(place, lambda server: server.capabilities()).version
    usage = reply.usage
    assert min(usage.tokens_in, usage.tokens_out, usage.prompt_us, usage.generate_us, usage.service_us) > 0
    sent = json.loads(reply.request)
    assert sent["model"].removesuffix(":latest") == "test-a"
    assert json.dumps(reply.text)[1:-1].encode() in reply.raw


def test_an_answer_that_is_streamed_is_the_same_one(place: Place):
    async def work(server: ModelServer) -> list[Reply | Failure]:
        await load(server)
        return [await server.infer(place.request(token_timeout_s=pause_s)) for pause_s in (None, 30.0)]

    whole, streamed = use(place, work)
    assert isinstance(whole, Reply)
    assert isinstance(streamed, Reply), streamed
    assert (streamed.text, streamed.finish) == (whole.text, whole.finish)
    assert streamed.usage.tokens_out == whole.usage.tokens_out > 0
    assert streamed.usage.generate_us > 0
    assert streamed.server_version == whole.server_version
    assert streamed.raw.count(b"\n") > whole.raw.count(b"\n") + 5


@pytest.mark.parametrize("pause_s", [None, 30.0])
def test_an_answer_cut_at_the_token_limit_says_so(place: Place, pause_s: float | None):
    async def work(server: ModelServer) -> Reply | Failure:
        await load(server)
        return await server.infer(place.request(options={"max_tokens": 5}, token_timeout_s=pause_s))

    reply = use(place, work)
    assert isinstance(reply, Reply), reply
    assert (reply.finish, reply.usage.tokens_out) == ("length", 5)


@pytest.mark.parametrize("pause_s", [None, 30.0])
def test_a_prompt_longer_than_the_context_fails_for_good_and_is_kept(place: Place, pause_s: float | None):
    async def work(server: ModelServer) -> Reply | Failure:
        await load(server)
        return await server.infer(place.request(prompt="y" * 9000, token_timeout_s=pause_s))

    failed = use(place, work)
    assert isinstance(failed, Failure)
    assert (failed.error_class, failed.outage) == (ErrorClass.PERMANENT, None)
    assert "context" in failed.message
    assert [kept.role for kept in failed.evidence] == ["request", "answer", *met(place)]


def test_a_request_that_runs_into_its_time_limit_gives_its_slot_back(place: Place):
    async def work(server: ModelServer) -> Reply | Failure:
        await load(server, place.endless_model)
        late = await server.infer(place.endless(timeout_s=0.3))
        assert isinstance(await server.infer(place.request(place.endless_model)), Reply)
        return late

    late = use(place, work)
    assert isinstance(late, Failure)
    assert late.error_class is ErrorClass.TIMEOUT
    assert "0.3 s" in late.message
    assert [kept.role for kept in late.evidence] == ["request", *met(place)]


def test_a_server_that_dies_under_a_request_is_told_from_one_that_is_not_there(place: Place):
    async def work(server: ModelServer) -> tuple[Reply | Failure, Load | Failure]:
        await load(server, place.endless_model)
        asked = asyncio.create_task(server.infer(place.endless()))
        await asyncio.to_thread(wait_until, place.is_at_work, "it never began")
        place.kill()
        return await asked, await server.ensure_loaded(place.endless_model)

    failed, after = use(place, work)
    assert isinstance(failed, Failure)
    assert (failed.error_class, failed.outage) == (place.at_its_death, None)
    assert [kept.role for kept in failed.evidence] == ["request", *met(place)]
    if not place.url:
        assert isinstance(after, Load), "a server of our own is started anew"
        assert after.loaded
    else:
        assert isinstance(after, Failure)
        assert (after.error_class, after.outage) == (ErrorClass.TRANSIENT, Outage.SERVER)


def test_a_driver_that_was_closed_can_be_used_again(place: Place):
    async def work(server: ModelServer) -> Reply | Failure:
        await load(server)
        await server.close()
        await load(server)
        return await server.infer(place.request())

    assert isinstance(use(place, work), Reply)


def test_a_driver_that_was_never_used_closes_without_a_trace(place: Place):
    before = sorted(place.folder.rglob("*"))

    async def work(_: ModelServer) -> None:
        """Nothing."""

    use(place, work)
    assert sorted(place.folder.rglob("*")) == before


def test_an_option_that_nobody_reads_is_an_error_with_the_nearest_name(place: Place):
    async def work(server: ModelServer) -> None:
        await load(server)
        await server.infer(place.request(options={"temprature": 0}))

    with pytest.raises(SettingsError, match="temprature") as refused:
        use(place, work)
    assert "did you mean 'temperature'" in refused.value.hint
