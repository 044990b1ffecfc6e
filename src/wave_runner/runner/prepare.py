"""From claimed items to what their actors are given: inputs read, resolved, checked, before anything is called."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from wave_runner.core.canonical import JsonError, dumps
from wave_runner.core.contract import check_input
from wave_runner.core.event import commitment
from wave_runner.core.experiment import GIVEN
from wave_runner.core.flow import Place
from wave_runner.core.guards import check_values, suspicions
from wave_runner.core.inputs import gather, resolve
from wave_runner.core.outcome import Breach, ErrorClass
from wave_runner.core.patience import waited_too_long
from wave_runner.core.workflow import UPDATE, Each, Step
from wave_runner.project.templates import render
from wave_runner.runner.nonces import new_nonce
from wave_runner.runner.steps import StepInHand, Steps
from wave_runner.store import interactions, records
from wave_runner.store.answers import Recorded
from wave_runner.store.database import Connection, Database, DataRefused, Unavailable
from wave_runner.store.waves import Item

NO_HASHES: Mapping[int, bytes] = {}
OWN_SCOPES = frozenset({"params", "run", "record", "item"})

Line = Mapping[str, Sequence[interactions.Ancestor]]
"""The outputs on an interaction's own line by step, the newest first."""


@dataclass(frozen=True, kw_only=True)
class Ready:
    """An item with its input checked, ready to be handed to its actor. `prompt` is rendered for a model step."""

    item: Item
    step: StepInHand
    input: Mapping[str, Any]
    text: str
    nonce: bytes
    cuts: Mapping[str, int]
    suspected: Mapping[str, Sequence[str]]
    sources: tuple[int, ...]
    prompt: str = ""
    read_hash: bytes | None = None
    weights: str = ""  # the digest of those that a model is asked with
    question: bytes | None = None  # of a model, as a key; None where no answer to it is kept
    recorded: Recorded | None = None  # the answer that will do, where there is one: nobody is asked

    @functools.cached_property
    def place(self) -> Place:
        """Where its record is."""
        return self.step.place(self.item)

    @property
    def attempt(self) -> int:
        """The number of the attempt that is about to be made."""
        return self.item.attempt + 1

    @property
    def size(self) -> int:
        """About how many bytes it takes: what it is given, and its prompt."""
        return len(self.text) + len(self.prompt)

    @property
    def calls_model(self) -> bool:
        """Whether its attempt is a call of a model."""
        return self.step.pinned.model is not None and self.recorded is None

    def start(self) -> interactions.Start:
        """Return what moves it to running; the event commits to exactly what the actor is given."""
        data: dict[str, Any] = {"attempt": self.attempt, "input": commitment(self.nonce, self.text.encode())}
        if self.cuts:
            data["cuts"] = dict(self.cuts)
        if self.suspected:
            data["suspected"] = dict(self.suspected)
        if self.step.script is not None and not self.step.script.sandbox.missing:
            data["sandbox"] = self.step.script.sandbox.said
        return interactions.Start(
            item=self.item,
            origin=self.step.origin,
            input=self.text,
            nonce=self.nonce,
            data=data,
            read_hash=self.read_hash,
        )


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """An item whose input broke its contract: quarantined, and no call is made."""

    item: Item
    step: StepInHand
    breach: Breach


@dataclass(kw_only=True)
class Prepared:
    """A wave's items, in order, divided into what can be done and what is stopped."""

    ready: list[Ready] = field(default_factory=list)
    stopped: list[Stopped] = field(default_factory=list)

    def add(self, checked: Ready | Stopped) -> None:
        """Put an item where it belongs."""
        if isinstance(checked, Ready):
            self.ready.append(checked)
        else:
            self.stopped.append(checked)


async def prepare(database: Database, steps: Steps, items: Sequence[Item]) -> Prepared:
    """Read and check the inputs of a wave: one read per step for the records, one for the lineage."""
    in_hand = await steps.get([item.run_step_id for item in items])
    prepared = Prepared()
    for step, mine in _by_step(in_hand, items):
        try:
            rows, hashes = await _read_records(database, step, mine)
        except DataRefused as error:
            breach = Breach(rule="record_unreadable", message=str(error))
            prepared.stopped += [Stopped(item=item, step=step, breach=breach) for item in mine]
            continue
        async with database.transaction(by_key=True) as connection:
            outputs = await _read_lineage(connection, step, mine)
        for item in mine:
            prepared.add(check_item(item, step, rows, outputs.get(item.interaction_id, {}), hashes))
    return prepared


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """The columns that one step names of some records, by record id, read beside the transaction that begins it.

    `whole` if what counts as read of a record's row is known too, by `hashes`: that is for its first step.
    """

    step: StepInHand
    asked: frozenset[int]
    whole: bool
    rows: Mapping[int, Mapping[str, Any]] | None
    hashes: Mapping[int, bytes]

    def covers(self, step: StepInHand, items: Sequence[Item]) -> bool:
        """Say whether this is all that the items of a step need of the user's tables."""
        known = all(item.record_id in self.asked and (self.whole or not _is_first(step, item)) for item in items)
        return step is self.step and known


async def read_ahead(database: Database, step: StepInHand, before: Sequence[Item]) -> Ahead | None:
    """Read for a step what it names of the records of the items before it.

    None where that is nothing, or cannot be had: whoever needs it asks again, and says why.
    """
    return await _read_beside(database, step, before, whole=False) if _columns(step) else None


async def read_beside(database: Database, in_hand: Mapping[int, StepInHand], items: Sequence[Item]) -> Ahead | None:
    """Read what items of one step need of the user's tables; `in_hand` are their steps by id.

    None where that is nothing, or cannot be had: whoever needs it asks again, and says why.
    """
    by_step = list(_by_step(in_hand, items))
    if len(by_step) > 1 or not _reads_rows(*by_step[0]):
        return None
    return await _read_beside(database, *by_step[0], whole=True)


async def _read_beside(database: Database, step: StepInHand, items: Sequence[Item], *, whole: bool) -> Ahead | None:
    try:
        rows, hashes = await _read_records(database, step, items)
    except (DataRefused, Unavailable):
        return None
    asked = frozenset(item.record_id for item in items if item.record_id is not None)
    return Ahead(step=step, asked=asked, whole=whole, rows=rows, hashes=hashes if whole else {})


async def prepare_within(
    connection: Connection, in_hand: Mapping[int, StepInHand], items: Sequence[Item], ahead: Ahead | None
) -> Prepared | None:
    """Read and check the inputs of a few items in a transaction that goes on; `in_hand` are their steps by id.

    None where an input comes from the user's tables and has not been read `ahead`: what they take, and refuse, is no
    business of that transaction.
    """
    by_step = list(_by_step(in_hand, items))
    if any(_reads_rows(step, mine) and not (ahead and ahead.covers(step, mine)) for step, mine in by_step):
        return None
    prepared = Prepared()
    for step, mine in by_step:
        read = ahead if ahead and _reads_rows(step, mine) else None
        rows, hashes = (read.rows, read.hashes) if read else (None, NO_HASHES)
        outputs = await _read_lineage(connection, step, mine)
        for item in mine:
            prepared.add(check_item(item, step, rows, outputs.get(item.interaction_id, {}), hashes))
    return prepared


async def prepare_one(database: Database, step: StepInHand, item: Item, line: Line) -> Ready | Stopped:
    """Read and check the input of one item whose outputs before it are given."""
    try:
        rows, _ = await _read_records(database, step, [item])
    except DataRefused as error:
        return Stopped(item=item, step=step, breach=Breach(rule="record_unreadable", message=str(error)))
    return check_item(item, step, rows, line)


def _by_step(in_hand: Mapping[int, StepInHand], items: Sequence[Item]) -> Iterator[tuple[StepInHand, list[Item]]]:
    for run_step_id in dict.fromkeys(item.run_step_id for item in items):
        yield in_hand[run_step_id], [item for item in items if item.run_step_id == run_step_id]


def _reads_rows(step: StepInHand, items: Sequence[Item]) -> bool:
    return bool(_columns(step)) or any(_is_first(step, item) for item in items)


def _is_first(step: StepInHand, item: Item) -> bool:
    """Say whether it is a record's first step, and somebody will ask whether its row has changed since."""
    if step.pinned.select:
        return item.parent_id is None
    return step.pinned.collection.known == UPDATE and step.run_step.step in step.run_flow.flow.entered


def _columns(step: StepInHand) -> list[str]:
    """Return the columns of its record that a step names."""
    return sorted({path.split(".")[0] for scope, path in _sources(step.pinned.step) if scope == "record"})


async def _read_records(
    database: Database, step: StepInHand, items: Sequence[Item]
) -> tuple[dict[int, dict[str, Any]] | None, dict[int, bytes]]:
    """Return the record columns the step names, None where it names none; and what of the row counts as read.

    Both stand at one moment: the hash is that of exactly the values that the first step of a selected record was given.
    """
    columns = _columns(step)
    keys = {item.record_id: item.key for item in items if item.record_id is not None and item.key is not None}
    first = {item.record_id for item in items if _is_first(step, item)}
    if not columns and not first:
        return None, {}
    hashed = step.columns_read if first else ()
    async with database.snapshot() as connection:
        found = await records.read(connection, step.tables, columns, keys, hashed=hashed, last=True)
    hashes = {record_id: row.sha256 for record_id, row in found.items() if record_id in first and row.sha256}
    return {record_id: row.values for record_id, row in found.items()} if columns else None, hashes


async def _read_lineage(
    connection: Connection, step: StepInHand, items: Sequence[Item]
) -> dict[int, dict[str, list[Any]]]:
    wanted = {scope for scope, _ in _sources(step.pinned.step)}
    if "item" in wanted:
        wanted.add(step.run_flow.flow.each_of[step.run_step.step])
    wanted -= OWN_SCOPES
    if GIVEN in wanted:  # an experiment: nothing has led to it
        return {reader: {GIVEN: [given]} for reader, given in (await interactions.given(connection, items)).items()}
    return await interactions.lineage(connection, items, sorted(wanted)) if wanted else {}


def overdue(item: Item, step: StepInHand, said: str) -> Stopped:
    """Return an item that has waited longer than its step allows."""
    breach = Breach(rule="waited_too_long", message=said, error_class=ErrorClass.TIMEOUT)
    return Stopped(item=item, step=step, breach=breach)


def check_item(
    item: Item,
    step: StepInHand,
    rows: Mapping[int, Mapping[str, Any]] | None,
    line: Line,
    read_hashes: Mapping[int, bytes] = NO_HASHES,
) -> Ready | Stopped:
    """Resolve and check an item's input from its row (`rows` by record id) and the outputs before it."""
    late = waited_too_long(step.pinned.patience, age_s=item.age_s, attempt=item.attempt)
    if late:
        return overdue(item, step, late)
    scopes: dict[str, Any] = {"params": step.params, "run": step.run, **_outputs(step, line)}
    if rows is not None and item.record_id is not None:
        if item.record_id not in rows:
            message = f"the row of {item.key} is gone from {step.tables.collection.table}"
            return Stopped(item=item, step=step, breach=Breach(rule="record_missing", message=message))
        scopes["record"] = rows[item.record_id]
    if item.item:
        scopes["item"] = _item_of(item, step, scopes)
    resolved = resolve(step.pinned.step.input, scopes)
    if isinstance(resolved, Breach):
        return Stopped(item=item, step=step, breach=resolved)
    breach = check_values(step.pinned.step, resolved.values) or check_input(step.pinned.step, resolved.values)
    if breach is not None:
        return Stopped(item=item, step=step, breach=breach)
    prompt = render(step.prompt, resolved.values) if step.prompt is not None else ""
    if isinstance(prompt, Breach):
        return Stopped(item=item, step=step, breach=prompt)
    try:
        text = dumps(resolved.values).decode()
    except JsonError as error:
        return Stopped(item=item, step=step, breach=Breach(rule=error.rule, message=f"the input {error}"))
    return Ready(
        item=item,
        step=step,
        input=resolved.values,
        text=text,
        nonce=new_nonce(),
        cuts=resolved.cuts,
        suspected=suspicions(step.pinned.step.guards, resolved.values),
        sources=tuple(
            one.interaction_id
            for found in line.values()
            for one in found
            if one.interaction_id not in (item.parent_id, item.interaction_id)
        ),
        prompt=prompt,
        read_hash=read_hashes.get(item.record_id) if item.record_id is not None else None,
    )


def _outputs(step: StepInHand, line: Line) -> dict[str, Any]:
    """Return the output of each step on the line; of one that was done once per item, its fields as lists."""
    flow = step.run_flow.flow
    return {
        name: gather(_in_order(found)) if flow.is_gathered(name, step.run_step.step) else orjson.loads(found[0].output)
        for name, found in line.items()
    }


def _sources_read(step: StepInHand, line: Line) -> set[int | None]:
    """Return the interactions whose output an item was given: the newest of each step, or all of a list."""
    flow = step.run_flow.flow
    gathered = {name for name in line if flow.is_gathered(name, step.run_step.step)}
    return {one.interaction_id for name, found in line.items() for one in (found if name in gathered else found[:1])}


def _in_order(found: Sequence[interactions.Ancestor]) -> list[Any]:
    """Return the newest output of each item, in the order of the list that was fanned out."""
    newest = {one.item: one.output for one in reversed(found)}
    return [orjson.loads(newest[item]) for item in sorted(newest)]


def _item_of(item: Item, step: StepInHand, scopes: Mapping[str, Any]) -> Any:
    """Return the element of the list that this interaction is for."""
    flow = step.run_flow.flow
    source = flow.each_of.get(step.run_step.step, "")
    route = flow.steps[source].route if source else None
    if not isinstance(route, Each) or source not in scopes:
        return None
    return scopes[source][route.source][item.item - 1]


def _sources(step: Step) -> list[tuple[str, str]]:
    """Return the scope and the path of every source of every input."""
    parts = [source.partition(".") for ref in step.input.values() for source in ref.sources]
    return [(scope, path) for scope, _, path in parts]
