"""A runner in mid-wave, to be killed: `a_runner.py WORK_DIR MARK`. Says "hanging" when its script hangs."""

import asyncio
import os
import sys
from pathlib import Path

from wave_runner.actors.pool import Job, ScriptPool, ScriptVersion


class Tells:
    """Prints when the script says that it is where it shall be killed."""

    async def progress(self, job_id, done, total, note):
        print(note, flush=True)


async def main(work_dir, mark):
    script = ScriptVersion(
        name="forks_away",
        sha256="1",
        root=Path(__file__).parent,
        entry="forks_away.py",
        executable=False,
        timeout_s=600,
        max_output_bytes=1000,
        environment={"ZOO": mark},
    )
    pid_file = Path(os.devnull)
    item = {"then": "hang", "forget": False, "pid_file": str(pid_file)}
    job = Job(id=1, input=item, record=None, run={}, attempt=1)
    await ScriptPool(slots=1, work_dir=Path(work_dir)).run(script, [job], Tells())


asyncio.run(main(*sys.argv[1:]))
