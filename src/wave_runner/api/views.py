"""Saved views: lists of the pages as somebody has narrowed them, for all who may read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import Response

from wave_runner.api.acting import Actor
from wave_runner.api.documents import Document, Opened, described
from wave_runner.api.given import Body, Name, Number, Text
from wave_runner.core.views import ListPage, ViewError, view
from wave_runner.errors import AnswerError
from wave_runner.reports import views
from wave_runner.store.views import SavedView

router = APIRouter(tags=["views"])
SAVE, REMOVE = "wave.views.save.v1", "wave.views.remove.v1"


class Save(Body):
    """A page, what its list is narrowed by, word by word, and a name. All see the name: name nobody in it."""

    page: ListPage
    name: Name
    filter: Annotated[dict[Name, Text], Field(max_length=20)]


@router.get("/views", responses=described(views.SCHEMA, rows=list[SavedView]))
async def list_views(
    engine: Opened, page: Annotated[ListPage | None, Query(description="of this page; of all by default")] = None
) -> Document:
    """List the saved views: `wave views list`."""
    return Document(views.SCHEMA, {"rows": await views.saved_views(engine.database, page)})


@router.post("/views", responses=described(SAVE, saved=SavedView))
async def save(acting: Actor, body: Save) -> Response:
    """Keep a list as it is narrowed, under a name: `wave views save`."""
    try:
        found = view(body.page, body.name, body.filter)
    except ViewError as error:
        raise AnswerError(str(error)) from error

    async def act() -> Mapping[str, Any]:
        return {"saved": await acting.engine.views().save(found)}

    return await acting.once(SAVE, body, act)


@router.post("/views/{view}/remove", responses=described(REMOVE, removed=SavedView))
async def remove(acting: Actor, view: Annotated[Number, Path(description="the number of the view")]) -> Response:
    """Keep a view no longer: `wave views remove`."""

    async def act() -> Mapping[str, Any]:
        return {"removed": await acting.engine.views().remove(view)}

    return await acting.once(REMOVE, None, act)
