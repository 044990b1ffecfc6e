"""`wave` for a shell, without the second that it takes to import what it needs: see `tests.support.warm.command`.

    python -IS warm_wave.py SOCKET WORD …

Gives the command, its input and outputs, and signals to stop, to a process that becomes it; ends as that does.
"""

import json
import os
import signal
import socket
import sys


def main(address: str, *words: str) -> int:
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        # pathlib would take longer than all else here.
        command = {"words": words, "env": dict(os.environ), "cwd": os.getcwd()}  # noqa: PTH109
        told, theirs = socket.socketpair()
        socket.send_fds(server, [json.dumps(command).encode()], [0, 1, 2, theirs.fileno()])
        theirs.close()
        with told, told.makefile() as answer:
            pid = int(answer.readline())
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda sent, _: os.kill(pid, sent))
            status = os.waitstatus_to_exitcode(int(answer.readline()))
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
