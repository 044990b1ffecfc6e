"""Finds the worker's private channel and writes to it what is no message."""

import os
import signal
from pathlib import Path

from wave_runner.actors.script_actor import ScriptActor


class SpeaksOutOfTurn(ScriptActor):
    def process(self, item, ctx):
        if "say" in item:
            for entry in Path("/proc/self/fd").iterdir():
                if entry.exists() and entry.is_socket():
                    os.write(int(entry.name), bytes.fromhex(item["say"]))
            signal.pause()
        return {}
