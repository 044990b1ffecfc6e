import time

from wave_runner.actors.script_actor import ScriptActor


class Hangs(ScriptActor):
    def process(self, item, ctx):
        if item.get("hang"):
            print("about to hang", flush=True)
            while True:
                time.sleep(60)
        return item
