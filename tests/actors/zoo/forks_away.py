"""Leaves a grandchild in a session of its own, which nothing in its environment gives away."""

import os
import subprocess
import time
from pathlib import Path

from wave_runner.actors.script_actor import ScriptActor


class ForksAway(ScriptActor):
    def process(self, item, ctx):
        if os.fork():
            os.wait()
        else:
            os.setsid()
            env = {} if item["forget"] else None
            away = subprocess.Popen(["sleep", "600"], env=env, start_new_session=True)
            Path(item["pid_file"]).write_text(str(away.pid))
            os._exit(0)
        match item["then"]:
            case "hang":
                ctx.progress(1, 1, "hanging")
                time.sleep(600)
            case "crash":
                os.abort()
        return {}
