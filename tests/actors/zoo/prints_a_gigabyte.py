import sys

from wave_runner.actors.script_actor import ScriptActor


class PrintsAGigabyte(ScriptActor):
    def process(self, item, ctx):
        print("it begins")
        line = "x" * (1024 * 1024 - 1) + "\n"
        for _ in range(item["megabytes"]):
            sys.stdout.write(line)
        print("it ends")
        return {"done": True}
