import os
from pathlib import Path

from wave_runner.actors.script_actor import ScriptActor


class KnowsItsWorld(ScriptActor):
    def process(self, item, ctx):
        Path("scratch").write_text("left behind")
        return {
            "pid": os.getpid(),
            "cwd": str(Path.cwd()),
            "environment": dict(os.environ),
            "record": ctx.record,
            "run": dict(ctx.run),
            "attempt": ctx.attempt,
        }
