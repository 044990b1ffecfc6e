"""What may be given in a question, wherever it stands in it: texts and numbers that the database can hold."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from fastapi import Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from wave_runner.core.text import unstorable

T = TypeVar("T")


def _storable(given: T) -> T:
    if place := unstorable(given):
        raise ValueError(f"{'a text' if place == '$' else place} cannot hold NUL, or half of a character")
    return given


Storable = AfterValidator(_storable)
Number = Annotated[int, Field(ge=1, le=2**63 - 1)]
"""The number of a run, a task, a batch."""

Text = Annotated[str, StringConstraints(max_length=1000), Storable]
Now = Annotated[bool, Query(description="count a large run that is under way now, however long that takes")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=1000), Storable]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), Storable]
Comment = Annotated[str, StringConstraints(max_length=2000), Storable]
Filter = Annotated[str, StringConstraints(max_length=2000), Storable]
Values = Annotated[dict[str, Any], Storable]
Mark = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}-[0-9a-f]{32}$")]
"""What the preview has named: exactly that is acted on, or nothing."""


class Body(BaseModel):
    """What is asked for. What is not named here is refused, and not left aside."""

    model_config = ConfigDict(extra="forbid")
