from wave_runner.actors.script_actor import ScriptActor


class One(ScriptActor):
    def process(self, item, ctx):
        return {}


class Two(One):
    pass


class Three(One):
    pass
