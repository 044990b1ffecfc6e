"""Any server that speaks the OpenAI protocol, by its URL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import httpx2
import orjson

from wave_runner.core.loading import BY_NAME
from wave_runner.core.outcome import ErrorClass, Failure, Usage
from wave_runner.core.workflow import ServerSpec
from wave_runner.errors import SettingsError
from wave_runner.servers import completion, exchange
from wave_runner.servers.key import without
from wave_runner.servers.options import check_options
from wave_runner.servers.protocol import NO_OPTIONS, Capabilities, Load, Reply, Request


class OpenAIServer:
    """A server by URL. What it has in memory is its own business: there is nothing to load or to unload."""

    def __init__(self, spec: ServerSpec, api_key: str | None) -> None:
        self._spec = spec
        url = base_url(spec)
        self._base = str(url).rstrip("/")
        self._key = checked_key(api_key, spec)
        self._headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        self.where = f"{url.scheme}://{url.netloc.decode('ascii')}"
        self._trust_env = not exchange.is_on_this_machine(url)
        self._client = exchange.new_client(trust_env=self._trust_env)

    async def capabilities(self) -> Capabilities:
        return Capabilities(slots=self._spec.slots, controls_residency=False, version="")

    async def digest(self, model: str) -> str:
        """Return a stable name: the protocol has no way to ask for the weights' hash."""
        return f"{BY_NAME}{self.where}/{model}"

    async def resident(self) -> Mapping[str, int | None]:
        """Return nothing: the protocol has no way to ask."""
        return {}

    async def size(self, model: str) -> int | None:
        """Return nothing: the memory is not ours."""

    async def ensure_loaded(
        self,
        model: str,
        options: Mapping[str, Any] = NO_OPTIONS,
        *,
        evict: Sequence[str] | None = None,
        kept: Collection[str] = (),
    ) -> Load | Failure:
        """Look whether anybody is there: while the server is away no record must be charged for it."""
        failure = await exchange.reach(self._client, f"{self._base}/models", headers=self._headers, where=self.where)
        return failure or Load(model=model, digest=await self.digest(model), loaded=False, load_us=0)

    def wording(self, request: Request) -> bytes | None:
        """Return the URL and the body that are sent."""
        path, body = request_body(request)
        return None if isinstance(body, Failure) else f"openai {self._base}/{path}\n".encode() + body

    async def infer(self, request: Request) -> Reply | Failure:
        """Do one request, by chat unless the option `api` is "completion"."""
        check_options("openai", request.options)
        path, body = request_body(request)
        if isinstance(body, Failure):
            return body
        answer = await exchange.post(
            self._client,
            f"{self._base}/{path}",
            body,
            headers=self._headers,
            where=self.where,
            timeout_s=request.timeout_s,
            token_timeout_s=request.token_timeout_s,
            traceparent=request.traceparent,
        )
        result = answer if isinstance(answer, Failure) else completion.read(answer, where=self.where, request=body)
        return without(self._key, result) if isinstance(result, Failure) else result

    async def unload(self, model: str) -> None:
        """Do nothing: the memory is not ours."""

    async def close(self) -> None:
        """Close what is open; the next use opens anew."""
        await self._client.aclose()
        self._client = exchange.new_client(trust_env=self._trust_env)


def request_body(request: Request) -> tuple[str, bytes | Failure]:
    """Return the path below the base URL and the exact bytes to send."""
    options = {name: value for name, value in request.options.items() if name != "api"}
    body: dict[str, Any] = {"model": request.model, **options, **streaming(request)}
    if request.options.get("api") == "completion":
        path, body["prompt"] = "completions", request.prompt
    else:
        path, body["messages"] = "chat/completions", [{"role": "user", "content": request.prompt}]
    if request.schema is not None:
        form = {"name": "answer", "strict": True, "schema": request.schema}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    return path, encode(body)


def streaming(request: Request) -> dict[str, Any]:
    """Return what asks for the answer in one piece, or for a stream that ends with what it has cost."""
    if request.token_timeout_s is None:
        return {"stream": False}
    return {"stream": True, "stream_options": {"include_usage": True}}


def encode(body: dict[str, Any]) -> bytes | Failure:
    """Return `body` as JSON, or a permanent failure where a text in it is no Unicode text."""
    try:
        return orjson.dumps(body)
    except TypeError as error:
        return Failure(
            error_class=ErrorClass.PERMANENT,
            message=f"the prompt cannot be sent: {error}. It likely holds half of a surrogate pair; clean the input.",
            usage=Usage(refused=True),
        )


def base_url(spec: ServerSpec) -> httpx2.URL:
    """Return the URL of `spec`; raises `SettingsError` for one that cannot work or holds a password."""
    try:
        url = httpx2.URL(spec.url)
    except httpx2.InvalidURL as error:
        raise SettingsError(f"the url of the server {spec.name!r} is no URL: {error}") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise SettingsError(
            f"the url of the server {spec.name!r} is {spec.url!r}",
            hint="Give it as http:// or https://; of an OpenAI-compatible server up to and including /v1.",
        )
    if url.userinfo:
        raise SettingsError(
            f"the url of the server {spec.name!r} holds a user name or password",
            hint="Take it out and name an environment variable with the key in api_key_env, or a file in api_key_file.",
        )
    return url


def checked_key(api_key: str | None, spec: ServerSpec) -> str:
    """Return the key without white space around it; raises `SettingsError`, which does not show it."""
    key = (api_key or "").strip()
    if not (key.isascii() and (key.isprintable() or not key)):
        raise SettingsError(
            f"the key of the server {spec.name!r} holds characters that no HTTP header can carry",
            hint=f"Check {spec.api_key_env or spec.api_key_file or 'the variable'}: it likely holds more than the key.",
        )
    return key
