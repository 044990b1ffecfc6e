"""One warm worker as the runner sees it: started, given calls, and ended with everything below it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from wave_runner.actors import result, sandbox
from wave_runner.actors.board import Board
from wave_runner.actors.channel import Channel, Encoded
from wave_runner.actors.executable import describe_status
from wave_runner.actors.framing import FrameError
from wave_runner.actors.job import RequestRefused, Requests, ScriptVersion
from wave_runner.actors.place import Place
from wave_runner.core.canonical import JsonError, dumps
from wave_runner.core.outcome import ErrorClass, Evidence, Failure, Outcome

GRACE_S = 1.0
"""How long to wait, seconds, for what should follow at once: the end of a worker that hung up, its last messages."""

END_S = 5.0
"""How long a warden may take to end everything below it, seconds, before it is done from outside."""

_log = logging.getLogger(__name__)


class Unusable(Exception):
    """The script cannot be loaded; `failure` is what every item of it gets."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True)
class Round:
    """What one call came to: outcomes by index into its jobs, and whether the worker can be used again."""

    outcomes: dict[int, Outcome]
    reusable: bool
    fresh: bool  # the worker had not been used before
    left_processes: int = 0
    failure: Failure | None = None  # why the worker ended, if it did


@dataclass(frozen=True)
class _End:
    """A warden's last words: how the worker ended by itself (None: it was ended), and what it had printed."""

    status: int | None
    log: str
    trouble: str


class WorkerProcess:
    """A worker that has loaded one script version. Not to be used by two calls at once."""

    def __init__(
        self,
        script: ScriptVersion,
        process: asyncio.subprocess.Process,
        channel: Channel,
        board: Board,
        where: Place,
        *,
        seen: tuple[tuple[str, int], ...],
    ) -> None:
        self.script = script
        self.seen = seen
        self._process = process
        self._channel = channel
        self._board = board
        self._where = where
        self._loaded = False
        self._fresh = True
        self._waves = False  # whether the script takes all items in one call
        self._ended = asyncio.create_task(self._last_words())

    @classmethod
    async def start(cls, script: ScriptVersion, python: str, work_dir: Path) -> WorkerProcess:
        """Start a worker, which is to `load` its script next. Whoever gets it must `end` it."""
        seen = sandbox.seen(script.sandbox)
        place = Place.make(work_dir)
        ours, theirs = socket.socketpair()
        board_fd = Board.create()
        channel = None
        try:
            channel = await Channel.open(ours, script)
            fds = (theirs.fileno(), board_fd)
            process = await asyncio.create_subprocess_exec(
                *(python, "-I", "-B", "-m", "wave_runner.actors.worker"),
                *(str(number) for number in (*fds, os.getpid())),
                *(sandbox.write(script.sandbox), str(script.root)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=place.environment(script.environment),
                cwd=place.folder,
                pass_fds=fds,
                start_new_session=True,
            )
        except BaseException:  # a wave can be cancelled at any await above
            if channel:
                channel.close()
            ours.close()
            place.clear()
            raise
        else:
            return cls(script, process, channel, Board(board_fd), place, seen=seen)
        finally:
            theirs.close()
            os.close(board_fd)

    async def load(self, timeout_s: float) -> None:
        """Have the script loaded, if it is not yet; raise `Unusable` if that fails or takes longer."""
        script = self.script
        if self._loaded:
            return
        wanted = {
            "root": str(script.root),
            "entry": script.entry,
            "executable": script.executable,
            "max_output_bytes": script.max_output_bytes,
        }
        try:
            async with asyncio.timeout(timeout_s):
                await self._channel.send(orjson.dumps(wanted))
                answer = await self._channel.receive()
        except TimeoutError:
            message = f"{script.entry} did not finish loading within {timeout_s:g} s"
            raise Unusable(_failure(ErrorClass.TIMEOUT, message, await self.end())) from None
        except FrameError:
            end = await self._hung_up()
            message = f"{script.entry} could not be loaded: its worker {_manner(end)}{_last_line(end)}"
            raise Unusable(_failure(ErrorClass.CRASHED, message, end)) from None
        if "unusable" in answer:
            raise Unusable(_unusable(script, answer["unusable"]))
        self._loaded = True
        self._waves = answer["ready"]["waves"]

    @property
    def alive(self) -> bool:
        return not self._ended.done()

    async def do(self, jobs: Sequence[Encoded], requests: Requests, timeout_s: float) -> Round:
        """Have the jobs done. What the worker finished before it died, or was ended at the time limit, counts."""
        found: dict[int, Outcome] = {}
        fresh, self._fresh = self._fresh, False
        talk = asyncio.create_task(self._talk(jobs, requests, found))
        watch = asyncio.create_task(self._watch(timeout_s))
        try:
            await asyncio.wait({talk, watch, self._ended}, return_when=asyncio.FIRST_COMPLETED)
            timed_out = watch.done() and watch.result() is None  # what kept it from watching is raised
            if not talk.done():
                # Only when all its processes are gone does the channel end, and has everything been read.
                await self.end()
                await asyncio.wait({talk}, timeout=GRACE_S)
            elif isinstance(talk.exception(), FrameError):
                await self._hung_up()
            if talk.done() and not isinstance(talk.exception(), FrameError):
                left = talk.result()
                return Round(found, reusable=self.alive and not left, fresh=fresh, left_processes=left)
            failure = _cause(await self.end(), timeout_s if timed_out else None)
            self._judge(found, len(jobs), failure)
            return Round(found, reusable=False, fresh=fresh, failure=failure)
        finally:
            await _stop(talk, watch)

    def _judge(self, found: dict[int, Outcome], jobs: int, failure: Failure) -> None:
        """Add what the outbox still holds, and charge the item in hand; items not begun stay without an outcome."""
        try:
            found.update(_outcomes(orjson.loads(self._board.outbox)))
        except (FrameError, orjson.JSONDecodeError) as error:
            # The dying process may have written anywhere. What is lost is done again.
            _log.warning("the outbox of a dead worker of %s cannot be read: %s", self.script.name, error)
        begun = self._board.begun
        if 0 <= begun < jobs:
            for index in range(jobs) if self._waves else (begun,):
                found.setdefault(index, failure)

    async def _talk(self, jobs: Sequence[Encoded], requests: Requests, found: dict[int, Outcome]) -> int:
        """Send the jobs, collect the results, answer requests. Return how many processes the script left behind."""
        sending = asyncio.create_task(self._channel.send_jobs(jobs))
        try:
            while True:
                message = await self._channel.receive()
                if "results" in message:
                    found.update(_outcomes(message["results"]))
                elif "end" in message:
                    return _checked_end(message, found, jobs)
                else:
                    await self._serve(message, jobs, requests)
        finally:
            await _stop(sending)

    async def _serve(self, message: Any, jobs: Sequence[Encoded], requests: Requests) -> None:
        """Pass a request on, and its answer back."""
        try:
            job_id = jobs[message["index"]].job.id
        except (LookupError, TypeError) as error:
            raise FrameError("the worker sent a message that is none") from error
        try:
            answer = {"answer": await _answer(message, job_id, requests)}
        except RequestRefused as error:
            answer = {"refused": str(error)}
        if "ask" in message:
            await self._channel.send(_reply(answer))

    async def _watch(self, timeout_s: float) -> None:
        """Return when the item in hand has had its time. Before the first one begins, the call's own start counts."""
        called = time.monotonic_ns()
        while (left := timeout_s - (time.monotonic_ns() - max(called, self._board.since_ns)) / 1e9) > 0:  # noqa: ASYNC110  # it is in shared memory, which has no event
            await asyncio.sleep(left)

    async def _hung_up(self) -> _End:
        """End a worker that hung up. If it died, let its warden say how, before we make it die our way."""
        await asyncio.wait({self._ended}, timeout=GRACE_S)
        return await self.end()

    async def end(self) -> _End:
        """End the worker and every process below it, wherever it went. Safe twice. Returns its last words."""
        if self._process.returncode is None and not self._ended.done():
            self._process.send_signal(signal.SIGTERM)
        finished, _ = await asyncio.wait({self._ended}, timeout=END_S)
        if not finished:
            self._process.kill()
            await asyncio.wait({self._ended})
        self._channel.close()
        return self._ended.result()

    def close(self) -> None:
        """Let go of the shared memory, once nobody will read the board again."""
        self._board.close()

    async def _last_words(self) -> _End:
        """Wait for the warden's end. If it was not an orderly one, do its work for it."""
        assert self._process.stdout
        report = await self._process.stdout.read()
        await self._process.wait()
        try:
            end = _End(**orjson.loads(report))
        except ValueError:
            end = _End(status=None, log=report.decode("utf-8", "backslashreplace"), trouble="its warden was killed")
        if end.trouble:
            await asyncio.to_thread(self._where.clear)
        return end


def _outcomes(results: Any) -> dict[int, Outcome]:
    try:
        return {one["index"]: result.outcome(one) for one in results}
    except (KeyError, TypeError, ValueError) as error:
        raise FrameError(f"the worker sent a result that is none: {error!r}") from error


def _checked_end(message: Mapping[str, Any], found: Mapping[int, Outcome], jobs: Sequence[Encoded]) -> int:
    if found.keys() != set(range(len(jobs))):
        raise FrameError(f"the worker ended its call with {len(found)} results for {len(jobs)} items")
    return int(message["children"])


async def _answer(message: Any, job_id: int, requests: Requests) -> Any:
    match message:
        case {"progress": [int(done), int() | None as total, str(note)]}:
            return await requests.progress(job_id, done, total, note)
        case {"ask": "query", "arguments": {"statement": str(statement), "parameters": list(parameters)}}:
            return await requests.query(statement, parameters)
        case {"ask": "stage", "arguments": {"rows": list(rows)}}:
            return await requests.stage(job_id, rows)
        case {"ask": "complete"}:
            return await requests.complete(job_id)
        case {"ask": "staged", "arguments": {"after": int(after), "limit": int(limit)}}:
            return await requests.staged(job_id, after, limit)
        case {"ask": "decide", "arguments": {"decisions": list(decisions)}}:
            return await requests.decide(job_id, decisions)
        case _:
            raise FrameError("the worker asked for what we do not know")


def _reply(answer: Any) -> bytes:
    """Return an answer for the channel; what cannot travel, such as JSON that is nested too deep, is refused."""
    try:
        return dumps(answer, default=result.plain)
    except JsonError as error:
        return dumps({"refused": f"the answer {error}"})


async def _stop(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait until they are gone; what they raise has been seen, or no longer matters."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _unusable(script: ScriptVersion, trouble: Mapping[str, str]) -> Failure:
    kept = Evidence(role="error", media_type="text/plain", content=trouble["traceback"].encode())
    message = f"{script.entry} cannot be loaded: {trouble['message']}"
    return Failure(error_class=ErrorClass.PERMANENT, message=message, evidence=(kept,))


def _cause(end: _End, timeout_s: float | None) -> Failure:
    if timeout_s is not None:
        return _failure(ErrorClass.TIMEOUT, f"not done after {timeout_s:g} s; it was ended", end)
    return _failure(ErrorClass.CRASHED, f"the worker process {_manner(end)}", end)


def _failure(error_class: ErrorClass, message: str, end: _End) -> Failure:
    log = Evidence(role="log", media_type="text/plain", content=end.log.encode("utf-8", "backslashreplace"))
    return Failure(error_class=error_class, message=message, evidence=(log,) if end.log else ())


def _last_line(end: _End) -> str:
    """Return what a worker said last that has ended itself, as for want of its sandbox."""
    said = end.log.rstrip().rpartition("\n")[2] if end.status and end.status > 0 else ""
    return f": {result.readable(said, result.MESSAGE_CHARS)}" if said else ""


def _manner(end: _End) -> str:
    if end.status is None:
        return "broke off its conversation with the runner and was ended"
    hint = ", perhaps for want of memory" if end.status == -signal.SIGKILL else ""
    return describe_status(end.status) + hint
