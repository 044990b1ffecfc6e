"""Behaves."""

from wave_runner.actors.script_actor import ScriptActor


class Echo(ScriptActor):
    def process(self, item, ctx):
        return item
