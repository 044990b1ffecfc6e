"""A command of the operator's that takes each checkpoint to a second host, a repository, or a bucket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence

PATIENCE_S = 60.0


async def tell(command: Sequence[str], note: str, *, environ: Mapping[str, str], patience_s: float = PATIENCE_S) -> str:
    """Run a command with a note on its standard input; return what went wrong, "" where nothing did.

    `environ` is all that it sees of the environment. One that takes longer than `patience_s` is ended with all that it
    has started.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=environ,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        return f"{command[0]} cannot be run: {error}"
    try:
        _, said = await asyncio.wait_for(process.communicate(note.encode()), patience_s)
    except TimeoutError:
        return f"{command[0]} has not ended within {patience_s:g} s"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    if process.returncode == 0:
        return ""
    lines = said.decode(errors="replace").strip().splitlines()
    return f"{command[0]} has ended with {process.returncode}: {lines[-1] if lines else 'it said nothing'}"
