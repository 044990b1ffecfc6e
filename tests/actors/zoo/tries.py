"""Tries what a sandbox is to keep it from, and says what it got."""

import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from wave_runner.actors.script_actor import ScriptActor

Path("loaded").touch()  # in its own folder


class Tries(ScriptActor):
    def process(self, item, ctx):
        name, where = item["what"], item.get("where", "")
        return {"got": getattr(self, name)(where)}

    def writes(self, where):
        return Path(where).write_text("mine")

    def empties(self, where):
        os.truncate(where, 0)

    def reads(self, where):
        return Path(where).read_text()[:20]

    def lists(self, where):
        return sorted(one.name for one in Path(where).iterdir())

    def links(self, where):
        Path("mine").hardlink_to(where)

    def makes_a_device(self, where):
        os.mknod("zero", 0o20600, os.makedev(1, 5))

    def connects(self, where):
        with socket.create_connection(("127.0.0.1", where), timeout=5):
            return "connected"

    def sends_a_datagram(self, where):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            return sender.sendto(b"hello", ("127.0.0.1", where))

    def opens_a_unix_socket(self, where):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(where)

    def sends_from_a_pair(self, where):
        one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with one, other:
            return one.sendto(b"hello", where)

    def talks_to_itself(self, where):
        one, other = socket.socketpair()
        with one, other:
            one.sendall(b"hello")
            return other.recv(5).decode()

    def fetches(self, where):
        with urllib.request.urlopen(where, timeout=5) as answer:
            return answer.read().decode()

    def fetches_what_is_public(self, where):
        import httpx2

        from wave_runner.actors.outside import PublicOnly

        with httpx2.Client(transport=PublicOnly()) as client:
            return client.get(where).text

    def leads_a_connection_elsewhere(self, where):
        with socket.create_connection(("localhost", where[0]), timeout=5) as connection:
            nowhere, libc = bytes(16), ctypes.CDLL(None, use_errno=True)  # AF_UNSPEC: it is connected no more
            if libc.connect(connection.fileno(), nowhere, len(nowhere)):
                raise OSError(ctypes.get_errno(), "it stays where it is")
            connection.connect(("127.0.0.1", where[1]))
            return "elsewhere"

    def sends_a_connection_elsewhere(self, where):
        """In the flags of what is sent: no call that connects is needed."""
        port, elsewhere, call = where
        with socket.create_connection(("localhost", port), timeout=5) as connection:
            try:
                if call == "sendto":
                    connection.sendto(b"x", socket.MSG_FASTOPEN, ("127.0.0.1", elsewhere))
                else:
                    connection.sendmsg([b"x"], [], socket.MSG_FASTOPEN, ("127.0.0.1", elsewhere))
            except OSError as error:
                raise OSError(error.errno, "it stays where it is") from error
            return "elsewhere"

    def resolves(self, where):
        return socket.getaddrinfo("wave-runner.example", 80)

    def signals(self, where):
        os.kill(where, signal.SIGCONT)

    def looks_for_secrets(self, where):
        """Return the processes whose environment can be read and holds this text."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and where in (entry / "environ").read_text(errors="replace"):
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def is_root_of_its_own(self, where):
        if ctypes.CDLL(None, use_errno=True).unshare(0x10000000):
            raise OSError(ctypes.get_errno(), "unshare")
        return "root"

    def is_born_as_root_of_its_own(self, where):
        """By the older call and by the newer one, which reads what it is told from memory."""
        libc = ctypes.CDLL(None, use_errno=True)
        told = struct.pack("11Q", 0x10000000, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, 0, 0, 0)
        number = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
        for call in ((number, 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0), (435, told, len(told))):
            if (born := libc.syscall(*call)) == 0:
                os._exit(0)
            if born > 0:
                return "root"
        raise OSError(ctypes.get_errno(), "clone")

    def starts_threads(self, where):
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(str.upper, where))

    def has_privileges(self, where):
        said = dict(
            line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line
        )
        return [said["NoNewPrivs"], int(said["CapEff"], 16) & ~2]

    def runs(self, where):
        return subprocess.run(where, check=True, capture_output=True, text=True).stdout

    def leaves_a_child(self, where):
        if not os.fork():
            os.setsid()
            subprocess.Popen([where, "600"], executable="/bin/sleep", env={}, cwd="/", start_new_session=True)
            os._exit(0)
        os.wait()

    def hops_away(self, where):
        """Leave chains of processes, each of which makes the next one and ends. All hold a lock on a file."""
        fcntl.flock(os.open(where, os.O_RDWR), fcntl.LOCK_EX)
        ends = time.monotonic() + 60  # or nobody would ever find what a test has let go
        for _ in range(3):
            if not os.fork():
                os.setsid()
                while time.monotonic() < ends:
                    if os.fork():
                        os._exit(0)
                os._exit(0)

    def ignores_signals(self, where):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        os.fork()
        time.sleep(600)

    def eats_memory(self, where):
        eaten = []
        while True:
            eaten.append(bytearray(8 << 20))
