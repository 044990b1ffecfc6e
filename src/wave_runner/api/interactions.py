"""Interactions: those that are looked for, and one of them whole."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from wave_runner.api.documents import Document, Opened, described, parts_of
from wave_runner.api.given import Name, Number
from wave_runner.core.interaction import State
from wave_runner.reports import interaction, interactions

router = APIRouter(tags=["interactions"])
LIST, ONE = "wave.interactions.v1", "wave.interaction.v1"
RunId = Annotated[Number | None, Query(alias="run", description="the run; the newest by default")]


@router.get("/interactions", responses=described(LIST, **parts_of(interactions.Interactions)))
async def list_interactions(
    engine: Opened,
    run: RunId = None,
    step: Name | None = None,
    state: State | None = None,
    error_class: Name | None = None,
    rule: Name | None = None,
    key: Annotated[Name | None, Query(alias="record", description="the key of the record")] = None,
    before: Annotated[Number | None, Query(description="`next_before_id` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = interactions.LIMIT,
) -> Document:
    """List the interactions of a run that are like that, the newest first: `wave report interactions`."""
    found = await interactions.interactions(
        engine.database,
        run,
        wanted=interactions.Wanted(step=step, state=state, error_class=error_class, rule=rule),
        key=key,
        collections=sorted(engine.project().collections),
        before=before,
        limit=limit,
    )
    return Document(LIST, found)


@router.get("/interactions/{interaction_id}", responses=described(ONE, **parts_of(interaction.InteractionPage)))
async def one(engine: Opened, interaction_id: Number, run: RunId = None) -> Document:
    """Show an interaction, try by try: `wave report interaction N`."""
    return Document(ONE, await interaction.interaction(engine.database, interaction_id, run_id=run))
