import os
from pathlib import Path

from wave_runner.actors.script_actor import ScriptActor


class KeepsADiary(ScriptActor):
    def process(self, item, ctx):
        with Path(item["diary"]).open("a") as diary:
            diary.write(f"{item['n']} ")
        if item["die"]:
            os.abort()
        return {}
