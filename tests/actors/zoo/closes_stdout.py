import io
import sys

from wave_runner import ScriptActor


class ClosesStdout(ScriptActor):
    def process(self, item, ctx):
        print(f"item {item['n']}")
        match item["how"]:
            case "close":
                sys.stdout.close()
                sys.stderr.close()
            case "with":
                with sys.stdout as out:
                    out.write("inside\n")
            case "wrapper":
                io.TextIOWrapper(sys.stdout.buffer, encoding="latin-1")  # collected at once, which closes the buffer
        return {}
