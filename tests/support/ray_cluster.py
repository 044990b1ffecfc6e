"""A real Ray cluster of several nodes on this machine, on an address of its own that nobody outside reaches."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = "127.0.0.2"  # of 127.0.0.1 Ray would make the machine's outer address
NODE = {"node_ip_address": HERE, "object_store_memory": 80 * 1024 * 1024}


@contextlib.contextmanager
def cluster() -> Iterator[Any]:
    """Give a cluster whose head does no work, without a node that does."""
    from ray.cluster_utils import Cluster  # an extra, which is not there everywhere

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **NODE})
    try:
        yield nodes
    finally:
        nodes.shutdown()


def add_node(nodes: Any, *, cpus: int = 1, **resources: float) -> Any:
    return nodes.add_node(num_cpus=cpus, resources=resources, **NODE)


def lose_node(nodes: Any, node: Any) -> None:
    """End everything on a node at once, as if it had lost its power."""
    [raylet] = node.all_processes["raylet"]
    for pid in _with_descendants(raylet.process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    nodes.remove_node(node, allow_graceful=False)


def _with_descendants(pid: int) -> list[int]:
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for one in found:  # it grows meanwhile
        found += [child for child, parent in parents.items() if parent == one]
    return found
