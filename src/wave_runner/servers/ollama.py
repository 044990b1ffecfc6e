"""An Ollama by its URL, asked by its own protocol: it loads and unloads what we say.

Its OpenAI-compatible side cannot say how large the context is to be, nor how long a model stays. Ollama loads whatever
it is asked for, in the way it is asked for: a request with other load options than those before it makes it load the
weights anew. So every request carries those that the model was loaded with, and one that we have not loaded, or not in
the way that a request asks for, is not asked.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import httpx2

from wave_runner.core.loading import CONTEXT, LOAD_OPTIONS, known_as, load_options
from wave_runner.core.outcome import ErrorClass, Failure, Outage
from wave_runner.core.workflow import ServerSpec
from wave_runner.errors import ModelServerError
from wave_runner.servers import exchange, ollama_answer, room
from wave_runner.servers.key import without
from wave_runner.servers.openai import base_url, checked_key, encode
from wave_runner.servers.options import check_options
from wave_runner.servers.protocol import NO_OPTIONS, Capabilities, Load, Reply, Request

# Reproducible unless the project asks for something else.
DEFAULTS: Mapping[str, Any] = {"temperature": 0.0, "seed": 0, "max_tokens": 512}
# How long a model stays after a request. Long enough for what goes on between two requests of a visit, and short enough
# that nothing stays for good when a runner dies.
KEEP_ALIVE_S = 600
ASK_TIMEOUT_S = 30.0
POLL_S = 0.02
_LOAD_OPTIONS = LOAD_OPTIONS["ollama"]
_NAMES = {"max_tokens": "num_predict"}  # ours and Ollama's, where they differ
_BESIDE = ("api", "think")  # options of ours that are none of the model's


@dataclass(frozen=True, kw_only=True)
class Known:
    """A model as `/api/ps` or `/api/tags` lists it; `context` is None where it does not say."""

    digest: str
    size: int | None
    context: int | None

    @property
    def sha256(self) -> str:
        """The digest as it is recorded."""
        return f"sha256:{self.digest}"


class OllamaServer:
    """A server by URL whose memory is ours to order. One instance belongs to one event loop."""

    def __init__(self, spec: ServerSpec, api_key: str | None, memory: Mapping[str, int] | None = None) -> None:
        self._spec = spec
        url = base_url(spec)
        self._base = str(url).rstrip("/")
        self._key = checked_key(api_key, spec)
        self._headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        self.where = f"{url.scheme}://{url.netloc.decode('ascii')}"
        self._trust_env = not exchange.is_on_this_machine(url)
        self._client = exchange.new_client(trust_env=self._trust_env)
        self._ordering = asyncio.Lock()  # one load or unload at a time
        self._ways: dict[str, dict[str, Any]] = {}  # what we have loaded, and how; the longest ago asked for first
        self._contexts: dict[str, int] = {}  # of the same: a server gives no more than the weights can have
        self._busy: Counter[str] = Counter()
        self._memory = {known_as("ollama", name): size for name, size in (memory or {}).items()}
        self._measured: dict[str, int] = {}  # what models took when they were loaded last
        self._room = room.Room(models=spec.models_max or (None if spec.memory else 1), memory=spec.memory)
        self._version = ""

    async def capabilities(self) -> Capabilities:
        return Capabilities(
            slots=self._spec.slots,
            controls_residency=True,
            version=await self._asked_version(),
            models_max=self._room.models,
            memory=self._room.memory,
        )

    async def digest(self, model: str) -> str:
        """Return "sha256:…" of the model's manifest, which names its weights, its template and its parameters.

        It is that of what was pulled last: what is in memory is loaded anew where that is another.
        """
        name = known_as("ollama", model)
        listed = await self._listed("tags")
        if name not in listed:
            raise ModelServerError(f"{self.where} has no model {name}", hint=_there(listed))
        return listed[name].sha256

    async def resident(self) -> Mapping[str, int | None]:
        """Return what `/api/ps` lists, whoever has loaded it, with the bytes that wave.toml or else Ollama says."""
        return {name: self._memory.get(name, known.size) for name, known in (await self._listed("ps")).items()}

    async def size(self, model: str) -> int | None:
        """Return what a model takes: as wave.toml says, else as it was measured, else the size of its file."""
        listed = (await self._listed("tags")).get(known_as("ollama", model))
        return self._size(known_as("ollama", model), listed) if listed is not None else None

    async def ensure_loaded(
        self,
        model: str,
        options: Mapping[str, Any] = NO_OPTIONS,
        *,
        evict: Sequence[str] | None = None,
        kept: Collection[str] = (),
    ) -> Load | Failure:
        """Make room, load `model` with its options and read back that it is there."""
        check_options("ollama", options)
        name, way = known_as("ollama", model), load_options(self._spec, options)
        leave = None if evict is None else [known_as("ollama", other) for other in evict]
        async with self._ordering:
            try:
                async with asyncio.timeout(self._spec.start_timeout_s):
                    result = await self._load(name, way, leave, [known_as("ollama", other) for other in kept])
            except TimeoutError:
                limit = self._spec.start_timeout_s
                return Failure(
                    error_class=ErrorClass.TIMEOUT, message=f"{self.where} did not load {name} within {limit:g} s"
                )
            except ModelServerError as error:
                return Failure(error_class=ErrorClass.TRANSIENT, message=error.message, outage=Outage.SERVER)
        return replace(result, model=model) if isinstance(result, Load) else without(self._key, result)

    def wording(self, request: Request) -> bytes | None:
        """Return the path and the body that are sent. Where this server listens says nothing of its answers."""
        path, body = request_body(request, load_options(self._spec, request.options))
        return None if isinstance(body, Failure) else f"ollama {path}\n".encode() + body

    async def infer(self, request: Request) -> Reply | Failure:
        """Do one request on a model that we have loaded, by chat unless the option `api` is "completion"."""
        check_options("ollama", request.options)
        name, way = known_as("ollama", request.model), load_options(self._spec, request.options)
        if name not in self._ways:
            return exchange.not_loaded(name, self.where)
        if self._ways[name] != way:  # it would load anew by itself, under whoever else is at it
            return exchange.not_loaded(f"{name} with these options", self.where)
        self._ways[name] = self._ways.pop(name)  # now the most recently asked for
        path, sent = request_body(request, way)
        if isinstance(sent, Failure):
            return sent
        self._busy[name] += 1
        try:
            answer = await self._post(
                path, sent, request.timeout_s, request.token_timeout_s, traceparent=request.traceparent
            )
        finally:
            self._busy[name] -= 1
        context = self._contexts.get(name, way[CONTEXT])
        result = exchange.met(
            answer
            if isinstance(answer, Failure)
            else ollama_answer.read(answer, where=self.where, request=request, sent=sent, context=context),
            self._version,
        )
        return without(self._key, result) if isinstance(result, Failure) else result

    async def unload(self, model: str) -> None:
        """Take `model` out of memory and wait until the server says so. Nothing happens if it was not there."""
        async with self._ordering:
            name = known_as("ollama", model)
            if name not in await self._listed("ps"):
                self._ways.pop(name, None)
                return
            try:
                async with asyncio.timeout(self._spec.start_timeout_s):
                    failure = await self._unload(name)
            except TimeoutError:
                raise ModelServerError(f"{self.where} did not unload {name} in time") from None
            if failure is not None:
                raise ModelServerError(failure.message)

    async def close(self) -> None:
        """Close what is open. What we have loaded stays for its time: another runner may be at work with it."""
        await self._client.aclose()
        self._client = exchange.new_client(trust_env=self._trust_env)
        self._ways.clear()

    async def _load(
        self, name: str, way: dict[str, Any], evict: Sequence[str] | None, kept: Collection[str]
    ) -> Load | Failure:
        self._version = await self._asked_version()  # each time: it may be another one since
        listed, before = await self._listed("tags"), await self._listed("ps")
        if name not in listed:
            self._ways.pop(name, None)
            message = f"{self.where} has no model {name}. {_there(listed)} Fetch it with `ollama pull {name}`."
            return Failure(error_class=ErrorClass.PERMANENT, message=message, outage=Outage.MODEL)
        if name in before and self._is_as_wanted(name, way, before[name], listed[name]):
            self._ways.setdefault(name, way)
            self._contexts[name] = before[name].context or way[CONTEXT]
            return Load(model=name, digest=before[name].sha256, loaded=False, load_us=0)
        victims = self._victims(name, listed[name], before, evict, kept)
        if isinstance(victims, Failure):
            return victims
        started = time.monotonic()
        for victim in victims:
            if failure := await self._unload(victim):
                return failure
        if failure := await self._order_load(name, way):
            return failure
        after = await self._listed("ps")
        if name not in after:
            message = f"{self.where} says that it has loaded {name}, and does not list it"
            return Failure(error_class=ErrorClass.TRANSIENT, message=message, outage=Outage.MODEL)
        self._ways.pop(name, None)
        self._ways[name] = way
        self._contexts[name] = after[name].context or way[CONTEXT]
        load_us = round((time.monotonic() - started) * 1_000_000)
        left = await self._within_room(name, after, kept=kept if evict is None else after)
        if isinstance(left, Failure):
            return left
        evicted = tuple(sorted(before.keys() - left - {name}))
        return Load(model=name, digest=after[name].sha256, loaded=True, load_us=load_us, evicted=evicted)

    async def _within_room(self, name: str, after: Mapping[str, Known], *, kept: Collection[str]) -> set[str] | Failure:
        """Look what a loaded model really takes, unload what that leaves no room for, and return what is there then.

        Where all that could go is kept it stays: the next plan knows how much that is.
        """
        size = self._memory.get(name, after[name].size)
        if size is not None:
            self._measured[name] = size
        if failure := room.too_large(self._room, name, size, where=self.where):
            return await self._unload(name) or failure
        others = {other: self._memory.get(other, known.size) for other, known in after.items() if other != name}
        can_go = self._leaving(others, size, kept) or ()
        for victim in can_go:
            if refused := await self._unload(victim):
                return refused
        return set(after) - set(can_go)

    def _leaving(
        self, others: Mapping[str, int | None], needs: int | None, kept: Collection[str]
    ) -> tuple[str, ...] | None:
        """Return whom of the others to unload for what needs so many bytes; None if there is no room beside `kept`."""
        order = list(self._ways)
        return room.to_unload(self._room, others, needs, order=order, busy=self._at_work(), kept=kept)

    def _is_as_wanted(self, name: str, way: Mapping[str, Any], loaded: Known, listed: Known) -> bool:
        """Say whether what is in memory are the weights of today, loaded as asked for as far as anybody can tell."""
        if loaded.digest != listed.digest:
            return False
        if name in self._ways:
            return self._ways[name] == way
        # Somebody else has loaded it, or an earlier runner. Ollama loads anew on its own if another option differs.
        return loaded.context == way[CONTEXT] and way.keys() == {CONTEXT}

    def _victims(
        self,
        name: str,
        listed: Known,
        before: Mapping[str, Known],
        evict: Sequence[str] | None,
        kept: Collection[str],
    ) -> Sequence[str] | Failure:
        """Return whom to unload; the model itself as well, where it is there in another way."""
        needs = self._size(name, listed)
        if failure := room.too_large(self._room, name, needs, where=self.where):
            return failure
        others = {other: self._memory.get(other, known.size) for other, known in before.items() if other != name}
        itself = [name] if name in before else []
        if evict is None:
            leave = self._leaving(others, needs, kept)
            return [*itself, *leave] if leave is not None else room.no_room(name, others, where=self.where)
        left = {other: size for other, size in others.items() if other not in evict}
        if not self._room.holds([*left.values(), needs]):
            return room.no_room(name, left, where=self.where)
        return [*itself, *(other for other in others if other in evict)]

    def _size(self, name: str, listed: Known) -> int | None:
        return self._memory.get(name) or self._measured.get(name) or listed.size

    async def _order_load(self, name: str, way: Mapping[str, Any]) -> Failure | None:
        return await self._order({"model": name, "keep_alive": KEEP_ALIVE_S, "options": dict(way), "stream": False})

    async def _unload(self, name: str) -> Failure | None:
        """Order an unload and wait until it is done: a model that is at work leaves when it has answered."""
        self._ways.pop(name, None)
        if failure := await self._order({"model": name, "keep_alive": 0, "stream": False}):
            return failure
        while name in await self._listed("ps"):  # noqa: ASYNC110 - the news is in another process
            await asyncio.sleep(POLL_S)
        return None

    async def _order(self, body: dict[str, Any]) -> Failure | None:
        """Send a request without a prompt, which loads or unloads; return why it was not done."""
        sent = encode(body)
        assert isinstance(sent, bytes), "names and numbers can be sent"
        answer = await self._post("generate", sent, self._spec.start_timeout_s, None)
        failure = answer if isinstance(answer, Failure) else ollama_answer.refusal(answer, self.where)
        if failure is None or failure.outage is not None:
            return failure
        return replace(failure, outage=Outage.MODEL)

    async def _post(
        self, path: str, sent: bytes, timeout_s: float, token_timeout_s: float | None, *, traceparent: str = ""
    ) -> exchange.Answer | Failure:
        return await exchange.post(
            self._client,
            f"{self._base}/api/{path}",
            sent,
            headers=self._headers,
            where=self.where,
            timeout_s=timeout_s,
            token_timeout_s=token_timeout_s,
            traceparent=traceparent,
        )

    def _at_work(self) -> list[str]:
        return [name for name, requests in self._busy.items() if requests]

    async def _listed(self, what: str) -> dict[str, Known]:
        """Return the models of `/api/tags` or `/api/ps`; raises `ModelServerError` where it does not say."""
        document = await self._get(what)
        models = document.get("models")
        if not isinstance(models, list):
            raise ModelServerError(f"{self.where} does not say what it has: there are no `models` in /api/{what}")
        found = [model for model in models if isinstance(model, dict)]
        return {known_as("ollama", str(model.get("name"))): _known(model) for model in found}

    async def _asked_version(self) -> str:
        version = (await self._get("version")).get("version")
        return f"ollama {version}" if isinstance(version, str) else ""

    async def _get(self, path: str) -> dict[str, Any]:
        try:
            reply = await self._client.get(f"{self._base}/api/{path}", headers=self._headers, timeout=ASK_TIMEOUT_S)
            document = reply.raise_for_status().json()
        except (httpx2.HTTPError, ValueError) as error:
            said = self._hidden(str(error) or type(error).__name__)
            raise ModelServerError(
                f"{self.where} does not answer at /api/{path}: {said}", hint="Check that it is an Ollama, and runs."
            ) from error
        return document if isinstance(document, dict) else {}

    def _hidden(self, text: str) -> str:
        """A message goes into logs, and some servers repeat the key that they refuse."""
        return text.replace(self._key, "[key]") if self._key else text


def request_body(request: Request, way: Mapping[str, Any]) -> tuple[str, bytes | Failure]:
    """Return the path below /api and the exact bytes to send. `way` is how the model was loaded."""
    given = {**DEFAULTS, **request.options}
    options = {_NAMES.get(name, name): value for name, value in given.items() if name not in (*_BESIDE, *_LOAD_OPTIONS)}
    body: dict[str, Any] = {
        "model": known_as("ollama", request.model),
        "stream": request.token_timeout_s is not None,
        "keep_alive": KEEP_ALIVE_S,
        "options": {**options, **way},
        # A prompt that does not fit is refused instead of cut, and an answer ends where the context does.
        "truncate": False,
        "shift": False,
    }
    if "think" in given:
        body["think"] = given["think"]
    if request.schema is not None:
        body["format"] = request.schema
    if given.get("api") == "completion":
        return "generate", encode({**body, "prompt": request.prompt, "raw": True})
    return "chat", encode({**body, "messages": [{"role": "user", "content": request.prompt}]})


def _known(model: Mapping[str, Any]) -> Known:
    size, context = model.get("size"), model.get("context_length")
    return Known(
        digest=str(model.get("digest", "")).removeprefix("sha256:"),
        size=size if isinstance(size, int) and size > 0 else None,
        context=context if isinstance(context, int) else None,
    )


def _there(listed: Mapping[str, Known]) -> str:
    return f"It has {', '.join(sorted(listed)) or 'no model at all'}."
