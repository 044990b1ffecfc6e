"""Prints what looks like a result, on every way out it knows."""

import os
import subprocess
import sys

from wave_runner.actors.script_actor import ScriptActor

RESULT = '{"output": {"forged": true}}'


class Prints(ScriptActor):
    def process(self, item, ctx):
        print(RESULT, "stdout", item["n"])
        print("stderr", item["n"], "\ud800", file=sys.stderr)
        os.write(1, b"descriptor 1\n")
        subprocess.run(["echo", "child"], check=True)
        ctx.log.info("logged")
        return {"n": item["n"]}
