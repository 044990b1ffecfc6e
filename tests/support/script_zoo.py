"""A pool of real worker processes on the zoo of scripts, and a look at what it leaves behind."""

import asyncio
import os
import uuid
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from wave_runner.actors.host import sandbox_of
from wave_runner.actors.pool import Job, RequestRefused, ScriptPool, ScriptVersion
from wave_runner.core.workflow import ScriptSpec

ZOO = Path(__file__).parents[1] / "actors" / "zoo"


class Staged:
    """Answers the requests of scripts from memory, as the runner answers them from the database."""

    def __init__(self):
        self.rows = []
        self.decided = {}
        self.progressed = []
        self.queries = []

    async def query(self, statement, parameters):
        if "nonsense" in statement:
            raise RequestRefused('column "nonsense" does not exist')
        self.queries.append(statement)
        return [{"n": value} for value in parameters]

    async def stage(self, job_id, rows):
        self.rows += rows
        return len(rows)

    async def complete(self, job_id):
        self.completed = True

    async def staged(self, job_id, after, limit):
        waiting = [
            {"id": number, "raw": row["raw"], "source": row["source"]}
            for number, row in enumerate(self.rows, 1)
            if number > after and number not in self.decided
        ]
        return waiting[:limit]

    async def decide(self, job_id, decisions):
        self.decided |= {one["id"]: one for one in decisions}
        return {"decided": len(decisions), "duplicates": []}

    async def progress(self, job_id, done, total, note):
        self.progressed.append((job_id, done, total, note))


class Zoo:
    """Runs scripts of the zoo. Every process that comes of it can be told by an environment variable."""

    def __init__(self, tmp_path):
        self.place = tmp_path
        self.work_dir = tmp_path / ".wave" / "work"
        self.mark = uuid.uuid4().hex

    def script(self, entry, *, root=ZOO, **options):
        defaults = {
            "name": Path(entry).stem,
            "sha256": f"{root}/{entry}",
            "root": root,
            "entry": entry,
            "executable": entry.endswith(".sh"),
            "timeout_s": 20.0,
            "max_output_bytes": 1_000_000,
            "sandbox": self.sandbox(Path(entry).stem),
        }
        environment = {"ZOO": self.mark, **options.pop("environment", {})}
        return ScriptVersion(**{**defaults, **options}, environment=environment)

    def sandbox(self, name="", **declared):
        """The sandbox of a script that declares this; without a word the default, with a place for what it notes."""
        declared = declared or {"may_write": (str(self.place),)}
        return sandbox_of(ScriptSpec(name=name, entry="", **declared), None, self.place)

    def run(self, entry, *inputs, requests=None, **options):
        """Run one wave of items in a fresh pool, close it, and return the outcomes."""

        async def wave():
            async with self.pool() as pool:
                return await pool.run(self.script(entry, **options), jobs(*inputs), requests or Staged())

        outcomes = asyncio.run(wave())
        assert self.processes() == [], "a process was left behind"
        assert self.folders() == [], "a working folder was left behind"
        return outcomes

    @asynccontextmanager
    async def pool(self, slots=1, **options):
        pool = ScriptPool(slots=slots, work_dir=self.work_dir, **options)
        try:
            yield pool
        finally:
            await pool.close()

    def processes(self):
        return with_environment(f"ZOO={self.mark}")

    def folders(self):
        return list(self.work_dir.iterdir()) if self.work_dir.exists() else []


@contextmanager
def without_programs(place):
    """Let this process, and what it starts, find no program but by its whole path."""
    before = os.environ["PATH"]
    os.environ["PATH"] = str(place)
    try:
        yield
    finally:
        os.environ["PATH"] = before


def jobs(*inputs, attempt=1, position=None):
    return [
        Job(id=100 + n, input=item, record=f"record {n}", run={"id": 7}, attempt=attempt, position=position)
        for n, item in enumerate(inputs)
    ]


def with_environment(setting):
    """Return the ids of live processes that carry `NAME=value` in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and setting.encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
