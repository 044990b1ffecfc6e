import os
import signal

from wave_runner.actors.script_actor import Promote, Reject, ScriptActor


class Stages(ScriptActor):
    staging = True

    def process(self, item, ctx):
        match item["how"]:
            case "add":
                return self.add(item, ctx)
            case "decide":
                return self.decide(ctx)
            case "not_json":
                ctx.staging.add([{"raw": "plain text", "source": "file", "position": 1}])
        return {}

    def add(self, item, ctx):
        """Stage the rows after the last staged one, and die at one of them on the first attempt."""
        added = 0
        for n in range(ctx.staging.position or 0, len(item["rows"])):
            if n == item.get("die_at") and ctx.attempt == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            added += ctx.staging.add([{"raw": item["rows"][n], "source": "file", "position": n + 1}])
        return {"added": added, "position": ctx.staging.position}

    def decide(self, ctx):
        answers = []
        for batch in ctx.staging.batches(2):
            answers.append(ctx.staging.decide([self.judge(row) for row in batch]))
        return {"answers": answers}

    def judge(self, row):
        if isinstance(row["raw"], dict):
            return Promote(row["id"], row["raw"]["id"], {"title": row["raw"]["title"]})
        return Reject(row["id"], [{"rule": "not_an_object", "field": "", "message": repr(row["raw"])}])
