import dataclasses

from wave_runner.actors.script_actor import ScriptActor


@dataclasses.dataclass
class Score:
    value: float


def no_end():
    value = []
    value.append(value)
    return value


OUTPUTS = {
    "none": lambda: None,
    "list": lambda: [1],
    "text": lambda: '{"json": true}',
    "set": lambda: {"a": {1, 2}},
    "object": lambda: {"a": object()},
    "number_key": lambda: {1: 2},
    "nan": lambda: {"a": [float("nan")]},
    "nan_in_dataclass": lambda: {"a": Score(float("inf"))},
    "nul": lambda: {"a": {"b": "x\x00"}},
    "surrogate": lambda: {"a": "\ud83c"},
    "big_number": lambda: {"a": 2**70},
    "no_end": lambda: {"a": no_end()},
    "huge": lambda: {"a": "x" * 2_000_000},
}


class WrongOutput(ScriptActor):
    def process(self, item, ctx):
        return OUTPUTS[item["kind"]]()
