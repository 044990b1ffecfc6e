"""What users write: a subclass of `ScriptActor`, and what its `process` gets to work with.

A script holds no database connection. What it writes are *intents*: they travel with its result and are applied in the
one transaction that records the result, after its output has passed. What it reads, and what it stages, are *requests*
that the runner answers while the script works.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from wave_runner.actors.statement import EFFECTS, READS, check_statement
from wave_runner.core.outcome import Effect, Replace, Write
from wave_runner.core.raw import beginning, size_of

if TYPE_CHECKING:
    import pydantic

STAGE_BYTES = 4 * 1024 * 1024
"""Rows are staged in pieces of at most this size, or a row that is larger; each piece is committed by itself."""

Ask = Callable[[str, dict[str, Any]], Any]
"""Sends a request by name with its arguments, waits, and returns the answer."""


class Rejection(Exception):
    """The item itself is wrong: raised by `ctx.reject`, or one of the results of `process_wave`."""

    def __init__(self, reason: str, *, rule: str = "rejected") -> None:
        super().__init__(reason)
        self.rule = rule


class RequestError(RuntimeError):
    """The runner could not do what the script asked for; the message says what the database made of it."""


class ScriptActor:
    """One step done by a script. Write `process` for one item, or `process_wave` for all items of a wave at once.

    `Input` and `Output` are optional pydantic models, checked strictly before and after; without them a dict comes in
    and a dict goes out. The class is built once per worker process, which then does many items: keep what is dear
    to set up in `__init__`, and nothing that belongs to one record.
    """

    Input: ClassVar[type[pydantic.BaseModel] | None] = None
    Output: ClassVar[type[pydantic.BaseModel] | None] = None
    database: ClassVar[bool] = False
    staging: ClassVar[bool] = False

    def process(self, item: Any, ctx: Context) -> Any:
        """Return the output for one item: an `Output` or a dict. An exception fails the item, nothing else."""
        raise NotImplementedError

    def process_wave(self, items: list[Any], contexts: list[Context]) -> Sequence[Any]:
        """Return one result per item, in order: an `Output`, a dict, or an exception, which fails only that item."""
        raise NotImplementedError


class Context:
    """What an item's `process` knows, and what it may ask for. One per item."""

    def __init__(
        self,
        *,
        record: str | None = None,
        run: Mapping[str, Any] | None = None,
        attempt: int = 1,
        traceparent: str = "",
        log: logging.Logger | None = None,
        database: Database | None = None,
        staging: Staging | None = None,
        tell: Callable[[int, int | None, str], None] | None = None,
    ) -> None:
        self.record = record
        self.run: Mapping[str, Any] = run or {}
        self.attempt = attempt
        self.traceparent = traceparent
        self.log = log or logging.getLogger("wave")
        self.writes: list[Write | Replace] = []
        self._database = database
        self._staging = staging
        self._tell = tell

    @property
    def db(self) -> Database:
        if self._database is None:
            raise RuntimeError("this actor has no database: set `database = True` in its class")
        return self._database

    @property
    def staging(self) -> Staging:
        if self._staging is None:
            raise RuntimeError("this actor has no staging: set `staging = True` in its class")
        return self._staging

    @property
    def effects(self) -> list[Effect]:
        return self._database.effects if self._database is not None else []

    def write(self, table: str, *values: Any) -> None:
        """Set columns of the record's own row: `write(table, {column: value})`. Applied if the result is accepted.

        `write(table, key, {…})` says the record's key as well; another record's key is refused.
        """
        self.writes.append(Write(table=table, values=dict(self._own("write", table, values, Mapping))))

    def replace(self, table: str, *rows: Any) -> None:
        """Make the record's rows of `table` exactly these: `replace(table, [{column: value}, …])`, or with its key."""
        mine = self._own("replace", table, rows, list | tuple)
        self.writes.append(Replace(table=table, rows=[dict(row) for row in mine]))

    def reject(self, reason: str, *, rule: str = "rejected") -> NoReturn:
        """Give this item up for good: it is quarantined with `rule` and `reason`, and not tried again."""
        if not (isinstance(reason, str) and isinstance(rule, str)):
            raise TypeError("reject takes a reason and a rule, both texts")
        raise Rejection(reason, rule=rule)

    def progress(self, done: int, total: int | None = None, note: str = "") -> None:
        """Say how far a long item has come. Call it as often as you like; what is shown is thinned out."""
        if self._tell is not None:
            self._tell(done, total, note)

    def _own(self, verb: str, table: str, arguments: tuple[Any, ...], kind: Any) -> Any:
        """Return the values of `write` or `replace`, which may follow the record's key."""
        if not isinstance(table, str):
            raise TypeError(f"{verb} takes the name of a table first, not {type(table).__name__}")
        if self.record is None:
            raise ValueError(f"{verb} to {table}: this step runs once per run and has no record of its own")
        if len(arguments) not in (1, 2) or not isinstance(arguments[-1], kind):
            raise TypeError(f"{verb} takes (table, values) or (table, key, values)")
        if len(arguments) == 2 and arguments[0] != self.record:
            raise ValueError(f"{verb} to {table}: this item is record {self.record!r}, not {arguments[0]!r}")
        return arguments[-1]


class Database:
    """The project's tables, for an actor with `database = True`."""

    def __init__(self, ask: Ask) -> None:
        self.effects: list[Effect] = []
        self._ask = ask

    def execute(self, statement: str, *parameters: Any) -> None:
        """Have one INSERT, UPDATE, DELETE, MERGE, SELECT or WITH run in the transaction that records the result.

        Parameters stand as `%s` in the statement. It runs after `process` has returned, or not at all: there is
        nothing to return here.
        """
        check_statement(statement, EFFECTS)
        self.effects.append(Effect(statement=statement, parameters=parameters))

    def query(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        """Run a read-only query now and return its rows. Times come as ISO texts, exact decimals as texts."""
        check_statement(statement, READS)
        rows: list[dict[str, Any]] = self._ask("query", {"statement": statement, "parameters": list(parameters)})
        return rows


@dataclass(frozen=True)
class Promote:
    """A staged row becomes the record `key` with these columns."""

    id: int
    key: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Reject:
    """A staged row is refused, for reasons: `{"rule": …, "field": …, "message": …}` each.

    `key` says which record it speaks of, where that can be read: its source still has it.
    """

    id: int
    errors: Sequence[Mapping[str, Any]]
    key: str | None = None


class Staging:
    """Raw input on its way in, for an actor with `staging = True`."""

    def __init__(self, ask: Ask, position: Any = None, max_raw_bytes: int | None = None) -> None:
        self._ask = ask
        self._position = position
        self._max_raw_bytes = max_raw_bytes

    @property
    def position(self) -> Any:
        """Where to go on: the `position` of the last row that is safely staged, or None at the beginning."""
        return self._position

    def add(self, rows: Iterable[Mapping[str, Any]]) -> int:
        """Stage rows `{"raw", "source", "position"}`; they are committed when this returns. Returns how many.

        `raw` is a JSON text (a str, kept as it came) or a JSON value. One that is larger than the collection's
        `max_raw_bytes` is staged as rejected, with its beginning only. Long lists are committed in pieces; a script
        that dies in between goes on after `position`.
        """
        staged = 0
        for piece in _pieces(_staged_row(index, row, self._max_raw_bytes) for index, row in enumerate(rows)):
            staged += self._ask("stage", {"rows": piece})
            self._position = piece[-1]["position"]
        return staged

    def complete(self) -> None:
        """Say that the source was read to its end, after the last row was added.

        What the same workflow, with the same parameters, has brought in before and this run has not then counts as
        vanished at the end of the run. Say it only where it is certain; never after a limit, an error or a cut.
        """
        self._ask("complete", {})

    def batches(self, size: int = 500) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows of this run that wait for a decision, `{"id", "raw", "source"}`, `size` at a time.

        Large rows come in smaller batches, of about 4 MB.
        """
        after = 0
        while rows := self._ask("staged", {"after": after, "limit": size}):
            after = rows[-1]["id"]
            yield [{**row, "raw": json.loads(row["raw"])} for row in rows]

    def decide(self, decisions: Iterable[Promote | Reject]) -> dict[str, Any]:
        """Promote and reject rows in one transaction. Returns the counts, and the ids refused as duplicates.

        Counts: `promoted`, `rejected` and, where the collection has `known = "update"`, `updated` and `unchanged`.
        """
        answer: dict[str, Any] = self._ask("decide", {"decisions": [_decision(one) for one in decisions]})
        return answer


def _decision(decision: Promote | Reject) -> dict[str, Any]:
    if isinstance(decision, Promote):
        return {"decision": "promote", "id": decision.id, "key": decision.key, "values": dict(decision.values)}
    refused = {"decision": "reject", "id": decision.id, "errors": [dict(error) for error in decision.errors]}
    return refused if decision.key is None else {**refused, "key": decision.key}


def _staged_row(index: int, row: Mapping[str, Any], max_bytes: int | None) -> dict[str, Any]:
    try:
        text = _raw_json(row["raw"])
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"row {index}: raw is no JSON ({error}); stage the text itself as json.dumps(text)") from error
    place = {"source": row["source"], "position": row["position"]}
    if max_bytes is not None and (size := size_of(text)) > max_bytes:
        return {"raw": beginning(text), "bytes": size, **place}
    return {"raw": text, **place}


def _raw_json(raw: Any) -> str:
    """Return JSON text that can travel as UTF-8, whatever its strings hold: NUL and lone surrogates stay escapes."""
    if not isinstance(raw, str):
        return json.dumps(raw, allow_nan=False)
    json.loads(raw, parse_constant=_no_constant)
    return raw.encode("utf-8", "backslashreplace").decode()


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _pieces(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    piece: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        more = size_of(row["raw"])
        if piece and size + more > STAGE_BYTES:
            yield piece
            piece, size = [], 0
        piece.append(row)
        size += more
    if piece:
        yield piece
