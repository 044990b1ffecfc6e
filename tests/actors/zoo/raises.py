from wave_runner.actors.script_actor import ScriptActor


class Raises(ScriptActor):
    def process(self, item, ctx):
        if item["n"] == 1:
            self.fail("deep inside \x00 \ud800")
        return item

    def fail(self, message):
        raise ValueError(message)
