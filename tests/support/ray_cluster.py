"""A real Ray cluster of several nodes on this machine, on an address of its own that nobody outside reaches."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
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


def add_node(nodes: Any, **resources: float) -> Any:
    """Start a node of one CPU."""
    return nodes.add_node(num_cpus=1, resources=resources, **NODE)
