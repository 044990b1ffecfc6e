"""One record: its way through a run, and where its values come from."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from wave_runner.api.documents import Document, Opened, described, parts_of
from wave_runner.api.given import Name, Number
from wave_runner.reports.explain import Explanation, explain
from wave_runner.reports.trace import Trace, document, trace

router = APIRouter(tags=["records"])
TRACE, EXPLAIN = "wave.trace.v1", "wave.explain.v1"
_OF = parts_of(Trace)
TRACE_PARTS = {
    "record": _OF["flow"],
    "unbroken": bool,
    **{name: _OF[name] for name in ("breaks", "timeline", "works", "events")},
}
Key = Annotated[Name, Query(alias="record", description="the key of the record")]


@router.get("/trace", responses=described(TRACE, **TRACE_PARTS))
async def of_record(engine: Opened, key: Key, run: Number | None = None) -> Document:
    """Show a record's way through a run, its newest by default: `wave trace KEY`."""
    collections = list(engine.project().collections)
    return Document(TRACE, document(await trace(engine.database, key, collections=collections, run_id=run)))


@router.get("/explain", responses=described(EXPLAIN, value=Explanation, complete=bool, erased=list[str]))
async def of_value(engine: Opened, key: Key, value: Annotated[Name, Query(description="TABLE.COLUMN")]) -> Document:
    """Show where a value in a table comes from: `wave explain TABLE.COLUMN --record KEY`."""
    found = await explain(engine.database, value, key=key, collections=engine.project().collections)
    return Document(EXPLAIN, {"value": found, "complete": found.complete, "erased": found.erased})
