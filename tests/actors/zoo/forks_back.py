"""Forks and lets the child come back from process as well."""

import os

from wave_runner.actors.script_actor import ScriptActor


class ForksBack(ScriptActor):
    def process(self, item, ctx):
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)
        return {"child": pid == 0}
