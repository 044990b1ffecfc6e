"""The runner's end of the private socket to one worker, and how jobs travel on it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from wave_runner.actors import framing, result
from wave_runner.actors.job import Job, ScriptVersion
from wave_runner.core.canonical import dumps

CALL_BYTES = 4 * 1024 * 1024
"""Jobs travel in messages of about this size."""


@dataclass(frozen=True)
class Encoded:
    """A job with its message ready: encoding shows whether it can travel at all."""

    job: Job
    data: bytes


def encode(job: Job) -> Encoded:
    """Raise `JsonError` if the input cannot be written as JSON."""
    fields = {
        "input": job.input,
        "record": job.record,
        "run": job.run,
        "attempt": job.attempt,
    }
    if job.position is not None:
        fields["position"] = job.position
    if job.max_raw_bytes is not None:
        fields["max_raw_bytes"] = job.max_raw_bytes
    if job.traceparent:
        fields["traceparent"] = job.traceparent
    return Encoded(job, dumps(fields, default=result.plain))


class Channel:
    """Messages to and from one worker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: int) -> None:
        self._reader = reader
        self._writer = writer
        self._limit = limit

    @classmethod
    async def open(cls, ours: socket.socket, script: ScriptVersion) -> Channel:
        reader, writer = await asyncio.open_connection(sock=ours, limit=1024 * 1024)
        return cls(reader, writer, max(framing.MAX_FRAME, 2 * script.max_output_bytes))

    async def send(self, payload: bytes) -> None:
        try:
            self._writer.write(framing.frame(payload))
            await self._writer.drain()
        except ConnectionError as error:
            raise framing.FrameError("the worker closed its channel") from error

    async def send_jobs(self, jobs: Sequence[Encoded]) -> None:
        for piece, last in _pieces([job.data for job in jobs]):
            await self.send(b'{"jobs":[%b],"last":%b}' % (b",".join(piece), b"true" if last else b"false"))

    async def receive(self) -> Any:
        try:
            return orjson.loads(await self._read())
        except orjson.JSONDecodeError as error:
            raise framing.FrameError("the worker sent no JSON") from error

    async def _read(self) -> bytes:
        try:
            (length,) = framing.LENGTH.unpack(await self._reader.readexactly(framing.LENGTH.size))
            if length > self._limit:
                raise framing.FrameError(f"a message of {length:,} bytes, more than the {self._limit:,} allowed")
            return await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise framing.FrameError("the worker closed its channel") from error

    def close(self) -> None:
        self._writer.close()


def _pieces(parts: Sequence[bytes]) -> list[tuple[list[bytes], bool]]:
    pieces: list[list[bytes]] = [[]]
    size = 0
    for part in parts:
        if size > CALL_BYTES:
            pieces.append([])
            size = 0
        pieces[-1].append(part)
        size += len(part)
    return [(piece, piece is pieces[-1]) for piece in pieces]
