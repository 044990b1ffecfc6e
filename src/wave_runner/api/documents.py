"""How a report becomes an answer, and how the answer is described."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Union
from uuid import UUID

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, create_model
from starlette.responses import JSONResponse

from wave_runner.engine import Engine
from wave_runner.reports.documents import named

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def _engine(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


Opened = Annotated[Engine, Depends(_engine)]
"""The project that is answered for."""


class Document(JSONResponse):
    """The document that `--json` prints. Nothing keeps it: it is true of the moment at which it was asked for."""

    def __init__(self, schema: str, body: Mapping[str, Any] | DataclassInstance) -> None:
        parts = body if isinstance(body, Mapping) else vars(body)
        super().__init__(named(schema, parts), headers={"Cache-Control": "no-store"})


def described(schema: str, **parts: Any) -> dict[int | str, dict[str, Any]]:
    """Return what says in OpenAPI which document is answered: its schema, and the type of each of its parts."""
    name = "".join(part.title() for part in schema.removeprefix("wave.").replace("_", ".").split("."))
    return {200: {"model": _described(name, {"schema": str, **parts}), "description": schema}}


def parts_of(kind: type) -> dict[str, Any]:
    """Return the fields of a dataclass, which are the parts of its document."""
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _shape(kind: Any, name: str = "") -> Any:
    """Return the type of a value in JSON: `documents.plain` makes it so."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        return Union[tuple(_shape(one, name) for one in inner)]  # noqa: UP007 — of a tuple there is no other way
    if origin in (list, Sequence, tuple):
        return list[_shape(inner[0], name if name.endswith("_ids") else "")]  # type: ignore[misc]
    if origin in (Mapping, dict):
        return dict[str, _shape(inner[1])]  # type: ignore[misc]
    if kind is int and (name == "id" or name.endswith(("_id", "_ids"))):
        return str
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _model(kind)
    return {UUID: str, Decimal: str, bytes: str, datetime: datetime}.get(kind, kind)


@functools.cache
def _model(kind: type) -> type[BaseModel]:
    return _described(kind.__name__, parts_of(kind), doc=kind.__doc__)


def _described(name: str, parts: Mapping[str, Any], doc: str | None = None) -> type[BaseModel]:
    # `schema` is a name of pydantic's own: every field has an underscore behind it, which its alias has not.
    fields: dict[str, Any] = {f"{key}_": (_shape(kind, key), ...) for key, kind in parts.items()}
    config = ConfigDict(alias_generator=lambda field: field.removesuffix("_"))
    model: type[BaseModel] = create_model(name, __config__=config, __doc__=doc, **fields)
    return model
