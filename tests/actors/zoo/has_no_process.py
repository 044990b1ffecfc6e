from wave_runner.actors.script_actor import ScriptActor


class HasNoProcess(ScriptActor):
    pass
