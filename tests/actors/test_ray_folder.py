"""The folders of hosts on a node: each is its host's alone, and a killed host's goes when the next one comes."""

import subprocess
import sys
import tempfile
from contextlib import contextmanager

import pytest

from wave_runner.actors.ray_folder import HostFolder

A_HOST = """\
from wave_runner.actors.ray_folder import HostFolder
folder = HostFolder()
(folder.path / "llama-server.log").write_text("listening")
print(folder.path.name, flush=True)
input()
"""


@pytest.fixture(autouse=True)
def node(tmp_path):
    """The temporary folder of a node, and nobody else's."""
    before, tempfile.tempdir = tempfile.tempdir, str(tmp_path)
    yield tmp_path
    tempfile.tempdir = before


@contextmanager
def a_host(node):
    """Give a process that has a folder, and the folder's name."""
    pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", A_HOST], env={"TMPDIR": str(node)}, text=True, **pipe) as process:
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def there(node):
    return {path.name for path in node.iterdir()}


def test_what_a_killed_host_left_goes_when_the_next_one_comes_and_what_a_living_one_has_stays(node):
    with a_host(node) as (killed, left), a_host(node) as (_, held):
        assert there(node) == {left, held}
        killed.kill()
        killed.wait()
        own = HostFolder()
        assert there(node) == {held, own.path.name}
        assert (node / held / "llama-server.log").read_text() == "listening"
    own.remove()
    own.remove()
    assert there(node) == {held}


def test_hosts_that_come_at_the_same_time_leave_each_other_their_folders(node):
    """They see each other's folders before these are held."""
    come_and_go = """\
from wave_runner.actors.ray_folder import HostFolder
for _ in range(300):
    folder = HostFolder()
    (folder.path / "mine").write_text("")
    assert [path.name for path in folder.path.iterdir()] == ["mine"]
    folder.remove()
"""
    hosts = [
        subprocess.Popen([sys.executable, "-c", come_and_go], env={"TMPDIR": str(node)}, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    assert [host.communicate()[1] for host in hosts] == [b""] * 3
    assert there(node) == set()


def test_what_only_looks_like_a_folder_of_a_host_stays(node):
    """A folder of a longer name, a file, and a way to somewhere else."""
    (node / "wave-runner-ray-host-of_my_own").mkdir()
    (node / "wave-runner-ray-host-abcd1234").write_text("")
    (node / "elsewhere").mkdir()
    (node / "elsewhere" / "dear").write_text("")
    (node / "wave-runner-ray-host-efgh5678").symlink_to(node / "elsewhere")
    before = there(node)
    HostFolder().remove()
    assert there(node) == before
    assert (node / "elsewhere" / "dear").exists()
