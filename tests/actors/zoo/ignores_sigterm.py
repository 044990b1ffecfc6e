"""Ignores every signal that can be ignored, and so does its child."""

import os
import signal
import time

from wave_runner.actors.script_actor import ScriptActor


class IgnoresSigterm(ScriptActor):
    def process(self, item, ctx):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        os.fork()
        while True:
            time.sleep(60)
