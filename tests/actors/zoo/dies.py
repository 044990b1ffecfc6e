import os
import signal
import sys

from wave_runner.actors.script_actor import ScriptActor


class Dies(ScriptActor):
    def process(self, item, ctx):
        match item.get("by"):
            case "signal":
                print("last words")
                os.kill(os.getpid(), signal.SIGSEGV)
            case "_exit":
                os._exit(3)
            case "exit":
                sys.exit("enough")
            case "warden":
                os.kill(os.getppid(), signal.SIGKILL)
                signal.pause()
        return item
