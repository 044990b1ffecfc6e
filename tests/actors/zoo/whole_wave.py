import os
import signal

from wave_runner.actors.script_actor import ScriptActor


class WholeWave(ScriptActor):
    def process_wave(self, items, contexts):
        how = items[0].get("how")
        if how == "too_few":
            return []
        if how == "raises":
            raise RuntimeError("the whole call")
        if how == "lets_rejection_out":
            contexts[0].reject("bad")
        if how == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "hangs":
            signal.pause()
        return [self.one(item, context, len(items)) for item, context in zip(items, contexts, strict=True)]

    def one(self, item, context, size):
        if item.get("bad"):
            return ValueError(f"bad {item['n']}")
        context.write("postings", {"n": item["n"]})
        return {"n": item["n"], "size": size}
