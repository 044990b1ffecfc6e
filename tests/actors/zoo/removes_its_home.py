import os
import shutil

from wave_runner import ScriptActor


class RemovesItsHome(ScriptActor):
    def process(self, item, ctx):
        shutil.rmtree(os.environ["HOME"])
        return {}
