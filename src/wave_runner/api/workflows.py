"""Workflows as their runs have pinned them: which versions there were, and what differs between two."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from wave_runner.api.documents import Document, Opened, described, parts_of
from wave_runner.api.given import Name, Text
from wave_runner.reports.workflow_versions import Compared, Version, compare, versions_of

router = APIRouter(tags=["workflows"])
VERSIONS, DIFF = "wave.workflow.versions.v1", "wave.workflow.diff.v1"
Hash = Annotated[Text, Query(description="the beginning of its hash")]


@router.get("/workflow/versions", responses=described(VERSIONS, rows=list[Version]))
async def list_versions(engine: Opened, workflow: Name) -> Document:
    """List the versions that a workflow's runs have had: `wave workflow versions`."""
    return Document(VERSIONS, {"rows": await versions_of(engine.database, workflow)})


@router.get("/workflow/diff", responses=described(DIFF, **parts_of(Compared)))
async def differences(engine: Opened, workflow: Name, a: Hash = "", b: Hash = "") -> Document:
    """Say what differs between two versions of a workflow, the two newest by default: `wave workflow diff`."""
    return Document(DIFF, await compare(engine.database, workflow, a=a, b=b))
