"""wave.toml: what a project is called, where its records live, and which servers, models and scripts it has."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import PurePosixPath
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from wave_runner.core import cost, cron
from wave_runner.core.drift import EVERY_OTHER, Policies, Policy
from wave_runner.core.due import CatchUp
from wave_runner.core.erasure import CLASSES
from wave_runner.core.nearest import did_you_mean
from wave_runner.core.raw import LARGEST_BYTES
from wave_runner.core.sandbox import Level, peers
from wave_runner.core.workflow import (
    KEEP,
    UPDATE,
    AlertsSpec,
    CollectionSpec,
    ModelSpec,
    ScheduleSpec,
    ScriptSpec,
    ServerSpec,
)
from wave_runner.project.alerts_table import read_alerts
from wave_runner.project.document import Document, Section, kind

Spec = TypeVar("Spec", CollectionSpec, ServerSpec, ModelSpec, ScriptSpec)

DRIVERS = ("llama_cpp", "ollama", "openai")
BY_URL = {"ollama": "http://127.0.0.1:11434", "openai": "http://127.0.0.1:1234/v1"}
TABLES = (
    *("project", "collections", "servers", "models", "scripts", "schedules", "retention"),
    *("drift", "alerts", "settings"),
)

LONGEST_DAYS = 36_500

# Work waits in lanes: these are there already, and each server has one by its name.
OWN_LANES = ("scripts", "sql", "routes", "people")

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_TABLE = re.compile(rf"{_IDENTIFIER.pattern}(\.{_IDENTIFIER.pattern})?")


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What wave.toml says. `scripts` are only those with settings of their own."""

    id: str
    name: str
    currency: str
    collections: Mapping[str, CollectionSpec]
    servers: Mapping[str, ServerSpec]
    models: Mapping[str, ModelSpec]
    scripts: Mapping[str, ScriptSpec]
    schedules: Mapping[str, ScheduleSpec]
    retention: Mapping[str, int]
    drift: Policies
    alerts: AlertsSpec | None


def read_wave_toml(document: Document) -> Declared:
    """Return what the file declares; every name in it is checked. `[settings]` is left to `wave_runner.settings`."""
    top = document.section().only(TABLES)
    if "project" not in top.data:
        raise top.error("the file needs a `[project]` table with `id` and `name`", hint=_id_hint())
    project = top.section("project").only(("id", "name", "currency"))
    servers = {name: _server(name, section) for name, section in _each(top, "servers")}
    models = {name: _model(name, section, servers) for name, section in _each(top, "models")}
    return Declared(
        id=_project_id(project),
        name=project.text("name"),
        currency=_currency(project),
        collections={name: _collection(name, section) for name, section in _each(top, "collections")},
        servers=servers,
        models=models,
        scripts={name: _script(name, section, models) for name, section in _each(top, "scripts")},
        schedules={name: _schedule(name, section) for name, section in _each(top, "schedules")},
        retention=_retention(top.section("retention")),
        drift=_drift(top.section("drift").only(("actors", "workflows"))),
        alerts=read_alerts(top.section("alerts")) if "alerts" in top.data else None,
    )


def is_name(text: str) -> bool:
    """Say whether a text can name an actor, a step, a workflow or a parameter."""
    return _NAME.fullmatch(text) is not None


def _each(top: Section, key: str) -> Iterator[tuple[str, Section]]:
    for name, section in top.sections(key).items():
        if not is_name(name):
            raise section.error(f"`{name}` is no name: lower-case letters, digits and _, a letter first")
        yield name, section


def _project_id(project: Section) -> str:
    text = project.text("id")
    try:
        return str(uuid.UUID(text))
    except ValueError:
        message = f"`id` must be a UUID that no other project has, not {text!r:.60}"
        raise project.error(message, "id", hint=_id_hint()) from None


def _currency(project: Section) -> str:
    text = project.text("currency", "")
    if text and not _CURRENCY.fullmatch(text):
        raise project.error(f"`currency` is a code of three capitals, such as EUR, not {text!r:.60}", "currency")
    return text


def _id_hint() -> str:
    return f'a fresh one: id = "{uuid.uuid4()}"'


def _collection(name: str, section: Section) -> CollectionSpec:
    spec = _spec(CollectionSpec, name, section)
    for key, pattern, text in (
        ("table", _TABLE, spec.table),
        ("key", _IDENTIFIER, spec.key),
        ("record_column", _IDENTIFIER, spec.record_column or "_"),
    ):
        if not pattern.fullmatch(text):
            raise section.error(f"`{key}` must be the plain name of a {_meaning(key)}, not {text!r:.60}", key)
    for table, column in spec.rows.items():
        if not _TABLE.fullmatch(table) or not _IDENTIFIER.fullmatch(column):
            message = f"`rows` maps a table to its column that holds the record, not {table!r:.60} to {column!r:.60}"
            raise section.error(message, "rows", table)
    if spec.known not in (KEEP, UPDATE):
        message = f"`known` is {KEEP} or {UPDATE}, not {spec.known!r:.60}"
        raise section.error(message, "known", hint=did_you_mean(spec.known, (KEEP, UPDATE)))
    if spec.max_raw_bytes > LARGEST_BYTES:
        message = f"`max_raw_bytes` is {LARGEST_BYTES:,} at most, not {spec.max_raw_bytes:,}: split what is larger"
        raise section.error(message, "max_raw_bytes")
    return spec


def _meaning(key: str) -> str:
    return "table" if key == "table" else "column"


def _server(name: str, section: Section) -> ServerSpec:
    if name in OWN_LANES:
        raise section.error(f"`{name}` is the name of a lane of our own; give the server another one")
    spec = _spec(ServerSpec, name, section)
    if spec.driver not in DRIVERS:
        message = f"there is no driver {spec.driver!r:.60}"
        raise section.error(message, "driver", hint=did_you_mean(spec.driver, DRIVERS))
    if spec.driver in BY_URL and not re.match(r"https?://[^/]", spec.url):
        raise section.error(f"server `{name}` needs `url`, as in {BY_URL[spec.driver]}", "url")
    if spec.driver == "ollama" and spec.url.rstrip("/").endswith("/v1"):
        message = f"server `{name}` is asked by Ollama's own protocol, which is not below /v1"
        raise section.error(message, "url", hint=f'url = "{spec.url.rstrip("/").removesuffix("/v1")}"')
    _check_key_file(section, spec)
    for key in ("requests_per_minute", "tokens_per_minute"):
        if spec.driver != "openai" and getattr(spec, key) is not None:
            message = f"`{key}` is for a server that others ask too; one runner alone asks this one, as fast as it can"
            raise section.error(message, key)
    for key in ("memory", "models_max"):
        if spec.driver == "openai" and getattr(spec, key) is not None:
            message = f"`{key}` is for a server that loads what it is told; of this one nobody knows what it holds"
            raise section.error(message, key)
    return spec


def _check_key_file(section: Section, spec: ServerSpec) -> None:
    path = spec.api_key_file
    if not path:
        return
    if spec.api_key_env:
        raise section.error("a key comes from `api_key_env` or from `api_key_file`, not from both", "api_key_file")
    if spec.driver not in BY_URL:
        message = "`api_key_file` is for a server by URL; one of our own has a key that nobody has to know"
        raise section.error(message, "api_key_file")
    if _is_below("", path) and not (_is_below(".wave", path) or path.startswith("~/")):
        message = f"`api_key_file` is {path!r:.80}, a file of the project: whoever has the project would have the key"
        hint = "a path outside of it, such as /run/secrets/NAME, or below .wave/, which git does not see"
        raise section.error(message, "api_key_file", hint=hint)


def _model(name: str, section: Section, servers: Mapping[str, ServerSpec]) -> ModelSpec:
    spec = _spec(ModelSpec, name, section)
    if spec.server not in servers:
        message = f"there is no server `{spec.server}`"
        raise section.error(message, "server", hint=did_you_mean(spec.server, servers))
    return spec


def _script(name: str, section: Section, models: Mapping[str, ModelSpec]) -> ScriptSpec:
    if name in models:
        raise section.error(f"`{name}` is a model already; an actor has one kind")
    if "entry" not in section.data:
        section.data["entry"] = f"actors/{name}.py"
    spec = _spec(ScriptSpec, name, section)
    if not _is_below("actors", spec.entry):
        raise section.error(f"`entry` must be a file under actors/, not {spec.entry!r:.80}", "entry")
    for index, path in enumerate(spec.files):
        if not _is_below("", path):
            raise section.error(f"`files` names paths inside the project, not {path!r:.80}", "files", index)
    _check_sandbox(section, spec)
    return spec


def _check_sandbox(section: Section, spec: ScriptSpec) -> None:
    levels = [str(level) for level in Level]
    if spec.sandbox and spec.sandbox not in levels:
        message = f"`sandbox` is one of {', '.join(levels)}, not {spec.sandbox!r:.60}"
        raise section.error(message, "sandbox", hint=did_you_mean(spec.sandbox, levels))
    if spec.sandbox == Level.NONE:
        for key in ("may_read", "may_write", "network", "private_hosts"):
            if key in section.data:
                raise section.error(f"`{key}` opens a sandbox, and there is none: leave one of both away", key)
    _check_hosts(section, spec)
    for key in ("may_read", "may_write"):
        for index, path in enumerate(section.texts(key)):
            if not path.strip() or "\0" in path or (path.startswith("~") and path[1:2] not in ("", "/")):
                message = f"`{key}` names paths: absolute, from ~/, or from the project's folder; not {path!r:.80}"
                raise section.error(message, key, index)


def _check_hosts(section: Section, spec: ScriptSpec) -> None:
    for key in ("network", "private_hosts"):
        named = getattr(spec, key)
        if isinstance(named, bool):
            continue
        for index, text in enumerate(named):
            try:
                peers(text)
            except ValueError:
                message = f"`{key}` names hosts, as HOST or HOST:PORT; {text!r:.80} is none"
                hint = "a name stands for itself alone, without https:// before it and a path behind it"
                raise section.error(message, key, index, hint=hint) from None
        if named and spec.executable:
            message = f"`{key}` names hosts that a class is connected to; an executable gets all of the network or none"
            raise section.error(message, key, hint="network = true, or a ScriptActor in its place")
    if spec.private_hosts and spec.network is True:
        raise section.error("`network = true` opens these too: leave one of both away", "private_hosts")


def _schedule(name: str, section: Section) -> ScheduleSpec:
    section.only(("workflow", "cron", "timezone", "catch_up", "params", "limit"))
    catch_up = section.text("catch_up", CatchUp.SKIP)
    if catch_up not in list(CatchUp):
        hint = did_you_mean(catch_up, CatchUp)
        raise section.error(f"`catch_up` is one of {', '.join(CatchUp)}, not {catch_up!r:.60}", "catch_up", hint=hint)
    params = section.section("params")
    return ScheduleSpec(
        name=name,
        workflow=section.text("workflow"),
        cron=_cron(section),
        timezone=_timezone(section),
        catch_up=CatchUp(catch_up),
        params={key: _word(params, key) for key in params.data},
        limit=section.whole("limit") if "limit" in section.data else None,
    )


def _retention(section: Section) -> dict[str, int]:
    section.only(CLASSES)
    return {name: section.whole(name, most=LONGEST_DAYS) for name in section.data}


def _drift(section: Section) -> Policies:
    return Policies(actors=_policies(section.section("actors")), workflows=_policies(section.section("workflows")))


def _policies(section: Section) -> dict[str, Policy]:
    return {name: _policy(section, name) for name in section.data}


def _policy(section: Section, name: str) -> Policy:
    if not (is_name(name) or name == EVERY_OTHER):
        raise section.error(f"`{name}` is no name; `{EVERY_OTHER}` stands for all that have no word of their own", name)
    word = section.text(name)
    if word not in list(Policy):
        hint = did_you_mean(word, Policy)
        raise section.error(f"a policy is one of {', '.join(Policy)}, not {word!r:.60}", name, hint=hint)
    return Policy(word)


def _cron(section: Section) -> str:
    text = section.text("cron")
    try:
        cron.check(text)
    except cron.CronError as error:
        raise section.error(str(error), "cron", hint='every day at six: cron = "0 6 * * *"') from error
    return text


def _timezone(section: Section) -> str:
    name = section.text("timezone", "UTC")
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        near = did_you_mean(name, available_timezones())
        raise section.error(f"there is no time zone {name!r:.60}", "timezone", hint=near) from error
    return name


def _word(section: Section, key: str) -> str:
    """Return a parameter as the command line would give it."""
    value = section.data[key]
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        raise section.error(f"`{key}` in `params` must be a text, a number, true or false, not {kind(value)}", key)
    return str(value)


def _is_below(folder: str, path: str) -> bool:
    parts = PurePosixPath(path).parts
    inside = bool(parts) and not path.startswith("/") and ".." not in parts
    return inside and (not folder or (parts[0] == folder and len(parts) > 1))


def check_times(section: Section) -> None:
    """Refuse time limits of which one can never be reached, because another one that stands beside it comes first."""
    for sooner, later in (
        ("timeout_floor_s", "timeout_ceiling_s"),
        ("queue_timeout_s", "step_timeout_s"),
        ("timeout_s", "step_timeout_s"),
    ):
        given = section.data
        if sooner in given and later in given and given[sooner] > given[later]:
            message = f"`{sooner}: {given[sooner]:g}` is more than `{later}: {given[later]:g}`, and is never reached"
            raise section.error(message, sooner)


def _check_labels(section: Section) -> None:
    for label in section.texts("runs_on"):
        if not label.strip() or "," in label:
            message = f"`runs_on` names labels of runners; {label!r:.60} can be none"
            raise section.error(message, "runs_on", hint='labels are as in WAVE_LABELS=gpu,large: runs_on = ["gpu"]')


def _spec(cls: type[Spec], name: str, section: Section) -> Spec:
    """Fill a spec from a section: one key for each field, checked against the field's type."""
    known = [field for field in fields(cls) if field.name != "name"]
    section.only(field.name for field in known)
    values: dict[str, Any] = {}
    for field in known:
        required = field.default is MISSING and field.default_factory is MISSING
        if field.name in section.data or required:
            values[field.name] = _read(section, field.name, str(field.type))
    check_times(section)
    _check_labels(section)
    return cls(name=name, **values)


def _price(section: Section) -> dict[str, int]:
    """Read what a million tokens, and a second of the machine, cost: exact, which a float is not."""
    section.only(cost.DIGITS)
    return {key: _price_of(section, key, value) for key, value in section.data.items()}


def _price_of(section: Section, key: str, value: Any) -> int:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e6:
        of = "a second of the machine" if key == cost.SECOND else "a million tokens"
        raise section.error(f"`{key}` is the price of {of}, not {kind(value)}", key, rule="wrong_type")
    price = cost.price_of(key, value)
    if price is None:
        raise section.error(f"`{key}` is a price to {cost.DIGITS[key]} decimals, not {kind(value)}", key)
    return price


def _read(section: Section, key: str, annotation: str) -> Any:
    match annotation:
        case "str":
            return section.text(key)
        case "int" | "int | None":
            return section.whole(key)
        case "Bytes | None":
            return section.size(key)
        case "Share":
            return section.share(key)
        case "float" | "float | None":
            return section.seconds(key)
        case "bool":
            return section.flag(key, False)
        case "tuple[str, ...]":
            return section.texts(key)
        case "bool | tuple[str, ...]":
            return section.flag(key, False) if isinstance(section.data[key], bool) else section.texts(key)
        case "Mapping[str, str]":
            inner = section.section(key)
            return {name: inner.text(name) for name in inner.data}
        case "Mapping[str, int]":
            return _price(section.section(key))
        case "Mapping[str, Any]":
            return section.section(key).data
        case _:
            raise TypeError(f"{kind(annotation)} has no reader")
