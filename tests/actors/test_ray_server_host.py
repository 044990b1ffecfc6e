"""The model server that stands on a node of a Ray cluster, asked as a runner asks it, without a cluster."""

import asyncio
import platform
import re
from dataclasses import replace
from pathlib import Path

from tests.support.main_job import require_model_server
from tests.support.random_gguf import write_test_models

from wave_runner.actors.ray_server_host import Order, ServerHost, Unusable
from wave_runner.core.outcome import Failure, Outage
from wave_runner.core.workflow import ServerSpec
from wave_runner.servers.protocol import Load, Reply, Request

SPEC = ServerSpec(name="far", driver="llama_cpp", models_dir="models", threads=1)
ASKED = Request(model="test-a", prompt="Yes or no?", schema={"enum": ["YES", "NO"]})


def test_a_model_is_loaded_and_asked_on_its_node_and_what_is_not_there_is_said_with_its_name(tmp_path):
    require_model_server(tmp_path)
    write_test_models(tmp_path / "models")

    async def work():
        host = ServerHost(Order(spec=SPEC, project_dir=tmp_path, memory={"test-a": 7}))
        try:
            load = await host.load("test-a")
            asked = await host.infer(ASKED)
            unknown = await host.infer(replace(ASKED, model="test-b"))
            return load, asked, unknown, await host.resident(), await host.load("test-z"), await host.digest("test-z")
        finally:
            await host.close()

    load, asked, unknown, resident, missing, nothing = asyncio.run(work())
    assert isinstance(load, Load)
    assert load.loaded
    assert isinstance(asked, Reply)
    assert asked.text in {'"YES"', '"NO"'}
    assert isinstance(unknown, Failure)
    assert resident == {"test-a": 7}
    assert isinstance(missing, Failure)
    assert missing.outage is Outage.MODEL
    assert isinstance(nothing, Unusable)
    told = f"on the node {platform.node()}: the server 'far' has no weights for 'test-z'"
    assert missing.message.startswith(told)
    assert nothing.message.startswith(told)
    log = Path(re.search(r"log (\S+)\)", unknown.message)[1])
    assert log.name == "llama-server.log"
    assert not log.parent.exists()
