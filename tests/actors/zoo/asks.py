import threading
from pathlib import Path

from wave_runner.actors.script_actor import RequestError, ScriptActor


class Asks(ScriptActor):
    database = True

    def process(self, item, ctx):
        match item["how"]:
            case "query":
                return {"rows": ctx.db.query("SELECT %s AS n", item["n"])}
            case "refused":
                try:
                    ctx.db.query("SELECT nonsense")
                except RequestError as error:
                    return {"error": str(error)}
            case "progress":
                for done in range(10_001):
                    ctx.progress(done, 10_000, "rows")
            case "after_the_call":
                threading.Thread(target=self.ask_until_refused, args=(ctx, Path(item["file"])), daemon=True).start()
            case "threads":
                return {"rows": self.ask_from_threads(ctx)}
        return {}

    def ask_until_refused(self, ctx, file):
        try:
            while True:
                ctx.db.query("SELECT 1 AS n")
        except RequestError as error:
            file.with_suffix(".part").write_text(str(error))
            file.with_suffix(".part").rename(file)

    def ask_from_threads(self, ctx):
        rows = []
        threads = [
            threading.Thread(target=lambda n=n: rows.extend(ctx.db.query("SELECT %s AS n", n))) for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sorted(row["n"] for row in rows)
