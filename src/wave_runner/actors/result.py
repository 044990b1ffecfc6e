"""The result of one item as it travels from a worker to the runner: written on one side, read on the other."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import orjson

from wave_runner.core.canonical import dumps
from wave_runner.core.outcome import (
    Breach,
    Done,
    Effect,
    ErrorClass,
    Evidence,
    Failure,
    Outcome,
    Replace,
    Usage,
    Write,
)

if TYPE_CHECKING:
    import pydantic

KEPT_CHARS = 16 * 1024
"""Characters kept of a traceback or of an answer that is refused."""

MESSAGE_CHARS = 1000

MORE_OUTPUT = "max_output_bytes of this script in wave.toml lets larger ones in"

_NOT_THE_SCRIPT = (str(Path(__file__).parent), "<frozen importlib", str(Path(importlib.__file__).parent))

Exhibit = tuple[str, str, str]
"""Evidence on its way: role, media type, text."""


def done(output: Any, writes: Sequence[Write | Replace] = (), effects: Sequence[Effect] = ()) -> bytes:
    """Encode an answer; raise `JsonError` if it, or what is to be written, holds what cannot be stored."""
    return dumps(
        {
            "output": output,
            "writes": [_intent(one) for one in writes],
            "effects": [{"statement": one.statement, "parameters": list(one.parameters)} for one in effects],
        },
        default=plain,
    )


def breach(rule: str, message: str, *, retry: bool = False, evidence: Sequence[Exhibit] = ()) -> bytes:
    """Encode a broken contract."""
    return _encode({"breach": rule, "message": message, "retry": retry}, evidence)


def failure(error_class: ErrorClass, message: str, evidence: Sequence[Exhibit] = (), *, quote: bool = False) -> bytes:
    """Encode that there is no usable answer. `quote`: the last line of the log says why."""
    return _encode({"failure": error_class.value, "message": message, "quote": quote}, evidence)


def raised(error: BaseException, refused: str = "") -> bytes:
    """Encode what a script raised: tried again within the step's budget, the traceback kept as evidence.

    What its sandbox has `refused`, it will refuse again.
    """
    trace = [("error", "text/plain", script_traceback(error))]
    return failure(ErrorClass.PERMANENT if refused else ErrorClass.TRANSIENT, with_note(message(error), refused), trace)


def with_note(said: str, note: str) -> str:
    """Return what was said, with what there is to say about it."""
    return f"{readable(said, MESSAGE_CHARS // 2)} ({note})" if note else said


def message(error: BaseException) -> str:
    """Return what an exception says, with its type."""
    if isinstance(error, SystemExit):
        return f"the script called sys.exit({error.code!r})"
    return "".join(traceback.format_exception_only(error)).strip()


def script_traceback(error: BaseException) -> str:
    """Return the traceback as Python prints it, from the script's own first line on."""
    start = error.__traceback__
    while start and start.tb_frame.f_code.co_filename.startswith(_NOT_THE_SCRIPT):
        start = start.tb_next
    return "".join(traceback.format_exception(type(error), error, start or error.__traceback__))


def wrap(index: int, result: bytes, service_us: int, log: bytes, *, suspected: str = "") -> bytes:
    """Return a result with the item's place in the call, the time it took, and what it printed.

    `suspected` is what may have made it fail, if it has.
    """
    text = b',"log":' + orjson.dumps(log.decode("utf-8", "backslashreplace")) if log else b""
    if suspected:
        text += b',"suspected":' + orjson.dumps(suspected)
    return b'{"index":%d,"us":%d,"bytes":%d%b,"result":%b}' % (index, service_us, len(result), text, result)


def outcome(wrapped: Mapping[str, Any]) -> Outcome:
    """Return what the runner decides from. `wrapped` is the parsed form of what `wrap` made."""
    result = wrapped["result"]
    usage = Usage(service_us=wrapped["us"], result_bytes=wrapped["bytes"])
    evidence = tuple(Evidence(role=role, media_type=kind, content=text.encode()) for role, kind, text in _kept(wrapped))
    if "breach" in result:
        return Breach(
            rule=str(result["breach"]), message=result["message"], retry=result["retry"], evidence=evidence, usage=usage
        )
    if "failure" in result:
        cause = ErrorClass(result["failure"])
        last_line = wrapped.get("log", "").rstrip().rpartition("\n")[2] if result["quote"] else ""
        message = f"{result['message']}: {readable(last_line, MESSAGE_CHARS)}" if last_line else result["message"]
        message = with_note(message, str(wrapped.get("suspected", "")) if result["quote"] else "")
        return Failure(error_class=cause, message=message, evidence=evidence, usage=usage)
    return Done(
        output=result["output"],
        writes=tuple(_write(one) for one in result["writes"]),
        effects=tuple(Effect(**one) for one in result["effects"]),
        evidence=evidence,
        usage=usage,
    )


def plain(value: Any) -> Any:
    """Turn the types that scripts use and JSON does not know into JSON: exact decimals become texts."""
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is no number that can be stored")
        return str(value)
    if is_model(value):
        # Written on its own, so that a NaN inside is refused and not made null.
        return orjson.Fragment(dumps(value.model_dump(mode="json"), default=plain))
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON")


def is_model(value: Any) -> TypeGuard[pydantic.BaseModel]:
    """Whether a value is one of a pydantic model.

    Then its script has imported pydantic. Without it a worker starts in half the time, and most scripts have no models.
    """
    found = sys.modules.get("pydantic")
    return found is not None and isinstance(value, found.BaseModel)


def readable(text: str, limit: int) -> str:
    """Return `text` as it can be stored and shown: no NUL, no half surrogate pairs, not too long."""
    if len(text) > limit:
        text = f"{text[: limit // 2]}\n[… {len(text) - limit:,} characters left out …]\n{text[-(limit // 2) :]}"
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()


def _encode(result: dict[str, Any], evidence: Sequence[Exhibit]) -> bytes:
    result["message"] = readable(result["message"], MESSAGE_CHARS)
    result["evidence"] = [(role, kind, readable(text, KEPT_CHARS)) for role, kind, text in evidence]
    return orjson.dumps(result)


def _kept(wrapped: Mapping[str, Any]) -> list[Exhibit]:
    log = [("log", "text/plain", wrapped["log"])] if "log" in wrapped else []
    return [*wrapped["result"].get("evidence", ()), *log]


def _intent(one: Write | Replace) -> dict[str, Any]:
    if isinstance(one, Write):
        return {"table": one.table, "values": one.values}
    return {"table": one.table, "rows": one.rows}


def _write(intent: Mapping[str, Any]) -> Write | Replace:
    # Its own process is not to be trusted with the type of a name: what is no text names no table.
    named = {**intent, "table": str(intent["table"])}
    return Write(**named) if "values" in named else Replace(**named)
