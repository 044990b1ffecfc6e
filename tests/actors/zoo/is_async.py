from wave_runner.actors.script_actor import ScriptActor


class IsAsync(ScriptActor):
    async def process(self, item, ctx):
        return {}
