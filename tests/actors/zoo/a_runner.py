"""A runner in mid-wave, to be killed: `a_runner.py WORK_DIR MARK [SANDBOX]`. Says "hanging" when its script hangs."""

import asyncio
import os
import sys
from pathlib import Path

from wave_runner.actors.host import sandbox_of
from wave_runner.actors.pool import Job, ScriptPool, ScriptVersion
from wave_runner.core.workflow import ScriptSpec


class Tells:
    """Prints when the script says that it is where it shall be killed."""

    async def progress(self, job_id, done, total, note):
        print(note, flush=True)


async def main(work_dir, mark, sandbox=""):
    script = ScriptVersion(
        name="forks_away",
        sha256="1",
        root=Path(__file__).parent,
        entry="forks_away.py",
        executable=False,
        timeout_s=600,
        max_output_bytes=1000,
        environment={"ZOO": mark},
        sandbox=sandbox_of(ScriptSpec(name="forks_away", entry="", sandbox=sandbox), None, Path(work_dir)),
    )
    pid_file = Path(os.devnull)
    item = {"then": "hang", "forget": False, "pid_file": str(pid_file)}
    job = Job(id=1, input=item, record=None, run={}, attempt=1)
    await ScriptPool(slots=1, work_dir=Path(work_dir)).run(script, [job], Tells())


asyncio.run(main(*sys.argv[1:]))
