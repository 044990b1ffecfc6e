"""What a linter says, and what it looks names up in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from wave_runner.core.workflow import CollectionSpec

At = tuple[str | int, ...]
"""Where something stands in the workflow file: ("steps", "fetch", "input")."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One mistake: its rule, where it stands in the workflow file, what it is, and what may help."""

    rule: str
    at: At
    message: str
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class InputField:
    """What a script says of one of its inputs. `types` are the JSON types that it takes, None where nobody can tell."""

    types: frozenset[str] | None
    required: bool


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a workflow's names are looked up in."""

    collections: Mapping[str, CollectionSpec]
    models: Collection[str]
    priced: Collection[str]  # models whose price is known
    timed: Collection[str]  # models whose time is bounded, or costs nothing
    bounded: Collection[str]  # models whose answers have a longest one
    scripts: Collection[str]
    inputs: Mapping[str, Mapping[str, InputField]]  # of each script that says plainly what it takes
    staging: Collection[str]  # scripts that plainly stage rows
    deciding: Collection[str]  # scripts that may decide about staged rows
    schemas: Mapping[str, Any]  # the schema that each path in `output` holds
    prompts: Mapping[str, Collection[str]]  # the variables that each path in `prompt` uses
    titles: Mapping[str, Collection[str]]  # those that the title of each step uses that people do


def tables(collection: CollectionSpec) -> tuple[str, ...]:
    """Return the tables that hold a record's data."""
    return (collection.table, *collection.rows)
