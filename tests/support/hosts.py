"""Hosts of a test's own: each a network namespace with one link to the host of the database. Needs root and `ip`.

Nothing of it is seen from outside: the bridge that joins the links lies in the namespace of the database.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from tests.support.waiting import wait_until

from wave_runner.store.embedded_binaries import installed
from wave_runner.store.embedded_cluster import SUPERUSER, make_cluster, read_passwords
from wave_runner.store.embedded_home import open_home

ADDRESS = "10.213.77.{}"
SERVER = ADDRESS.format(1)
PORT = 5432


@dataclass(frozen=True, kw_only=True)
class Host:
    """One machine: `command` runs there what is put behind it."""

    name: str
    link: str
    hub: str
    address: str

    @property
    def command(self) -> list[str]:
        return ["ip", "netns", "exec", self.name]

    def cut(self) -> None:
        """Let nothing through any more; nobody at either end is told."""
        _do("ip", "-n", self.hub, "link", "set", self.link, "down")

    def mend(self) -> None:
        """Let everything through again."""
        _do("ip", "-n", self.hub, "link", "set", self.link, "up")

    def slow_down(self) -> None:
        """Make both ways of the link slow: late where the kernel can do that, else narrow."""
        for namespace, link in ((self.hub, self.link), (self.name, "eth0")):
            late = ["tc", "-n", namespace, "qdisc", "add", "dev", link, "root", "netem", "delay", "20ms"]
            narrow = [*late[:8], "tbf", "rate", "4mbit", "burst", "32kb", "latency", "400ms"]
            if subprocess.run(late, capture_output=True, check=False).returncode:
                _do(*narrow)

    def die(self) -> None:
        """Lose the power: the link first, so that no process can say farewell."""
        self.cut()
        self.end()

    def end(self) -> None:
        """End all that runs there."""
        for number in _do("ip", "netns", "pids", self.name).split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(number), signal.SIGKILL)


@contextlib.contextmanager
def network(hosts: int) -> Iterator[tuple[str, list[Host]]]:
    """Give the namespace for the database, whose address is `SERVER`, and so many hosts that reach it."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to make hosts of network namespaces")
    for program in ("ip", "tc", "setpriv"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}, which is not installed here")
    mark = secrets.token_hex(3)
    hub = f"wave-{mark}-hub"
    made = [
        Host(name=f"wave-{mark}-{n}", link=f"to-{n}", hub=hub, address=ADDRESS.format(n)) for n in range(2, 2 + hosts)
    ]
    try:
        try:
            _begin(hub)
            for host in made:
                _join(host)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no hosts can be made of network namespaces here: {error.stderr.strip()}")
        yield hub, made
    finally:
        for host in made:
            with contextlib.suppress(subprocess.CalledProcessError):  # it was not made
                host.end()
                _do("ip", "netns", "delete", host.name)
        with contextlib.suppress(subprocess.CalledProcessError):
            _do("ip", "netns", "delete", hub)


def _begin(hub: str) -> None:
    _do("ip", "netns", "add", hub)
    _do("ip", "-n", hub, "link", "add", "bridge", "type", "bridge")
    _do("ip", "-n", hub, "address", "add", f"{SERVER}/24", "dev", "bridge")
    for link in ("lo", "bridge"):
        _do("ip", "-n", hub, "link", "set", link, "up")


def _join(host: Host) -> None:
    _do("ip", "netns", "add", host.name)
    peer = ["peer", "name", "eth0", "netns", host.name]
    _do("ip", "-n", host.hub, "link", "add", host.link, "type", "veth", *peer)
    _do("ip", "-n", host.hub, "link", "set", host.link, "master", "bridge", "up")
    _do("ip", "-n", host.name, "address", "add", f"{host.address}/24", "dev", "eth0")
    for link in ("lo", "eth0"):
        _do("ip", "-n", host.name, "link", "set", link, "up")


def _do(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextlib.contextmanager
def server_in(hub: str, folder: Path) -> Iterator[str]:
    """Give the superuser's URL, by a socket, of a PostgreSQL in this namespace that the hosts reach at `SERVER`."""
    home = open_home(folder / ".wave")
    binaries = home.binaries(installed())
    try:
        with home.opened("server.lock") as lock:
            make_cluster(home, binaries, lock)
        with (home.data / "pg_hba.conf").open("a", encoding="utf-8") as rules:
            rules.write(f"host all all {SERVER}/24 scram-sha-256\n")
        socket = home.socket_folder(PORT)
        options = {
            "listen_addresses": SERVER,
            "port": PORT,
            "unix_socket_directories": socket,
            "logging_collector": "off",
        }
        as_account = ["setpriv", f"--reuid={home.account.uid}", f"--regid={home.account.gid}", "--clear-groups"]
        command = ["ip", "netns", "exec", hub, *as_account, str(binaries.postgres), "-D", str(home.data)]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        url = f"postgresql://{SUPERUSER}:{read_passwords(home).superuser}@/postgres?host={socket}&port={PORT}"
        with (folder / "server.log").open("w") as log, subprocess.Popen(command, stderr=log) as server:
            try:
                wait_until(lambda: server.poll() is not None or _answers(url))
                assert server.poll() is None, (folder / "server.log").read_text(encoding="utf-8")
                yield url
            finally:
                server.send_signal(signal.SIGQUIT)
    finally:
        home.remove()


def by_network(url: str) -> str:
    """Return the same database's URL as the hosts reach it."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@{SERVER}:{PORT}", query="").geturl()


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True
