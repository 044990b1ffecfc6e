import datetime
from decimal import Decimal

from wave_runner.actors.script_actor import ScriptActor


class Saves(ScriptActor):
    database = True

    def process(self, item, ctx):
        match item["how"]:
            case "well":
                ctx.write("postings", {"summary": "short", "day": datetime.date(2016, 1, 2), "pay": Decimal("1.50")})
                ctx.replace("job_skills", ctx.record, [{"skill": "sql"}, {"skill": "python"}])
                ctx.db.execute("UPDATE counters SET n = n + %s", 1)
            case "other_record":
                ctx.write("postings", "another", {"summary": "short"})
            case "nul":
                ctx.write("postings", {"summary": "a\x00b"})
            case "commit":
                ctx.db.execute("COMMIT")
            case "reject":
                ctx.write("postings", {"summary": "short"})
                ctx.reject("not a posting", rule="not_ours")
            case "staging":
                ctx.staging.add([])
        return {}
