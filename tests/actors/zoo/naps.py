"""Takes its time, but never too much for one item."""

import time

from wave_runner.actors.script_actor import ScriptActor


class Naps(ScriptActor):
    def process(self, item, ctx):
        time.sleep(item["seconds"])
        return {}
