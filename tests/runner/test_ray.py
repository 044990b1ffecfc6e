"""Scripts that are done on a real Ray cluster of several nodes: the same in the end, also where a node is killed."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys

import pytest
from tests.support.projects import COUNT, SHORT_LEASE, Ground, rows, script, until, wait_until
from tests.support.ray_cluster import add_node, cluster
from tests.support.script_zoo import Staged, Zoo, jobs, with_environment

from wave_runner.actors.ray_host import Installation
from wave_runner.actors.ray_pool import RayPool
from wave_runner.core.outcome import ErrorClass, Failure
from wave_runner.errors import ActorError, SettingsError

ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")

N = 40
SLOW = script("""\
import os, pathlib, time
pathlib.Path(os.environ["WAVE_PROJECT_DIR"], "begun").touch()
time.sleep(0.05)
words = len(item["text"].split())
ctx.write("items", {"words": words})
return {"words": words}
""")
OPEN = '[scripts.count]\nsandbox = "none"\n'  # it leaves a mark in the project's folder
TAG = """\
import os
known = ctx.db.query("SELECT words FROM items WHERE name = %s", ctx.record)
ctx.replace("tags", [{"tag": f"{row['words']} of {item['text']}"} for row in known])
return {"known": len(known), "home": os.environ["HOME"]}
"""
STEPS = """\
count: {actor: count, input: {text: record.text}, writes: [items.words], next: tag}
tag: {actor: tag, input: {text: record.text}, writes: [tags], next: end}
"""


def project(ground: Ground, *, count: str = COUNT, toml: str = "") -> Ground:
    actors = {"count": count, "tag": script(TAG, options="database = True")}
    return ground.project(rows=rows(N), steps=STEPS, actors=actors, toml=toml)


@pytest.fixture(scope="module")
def nodes():
    """A cluster of two nodes at work, of which one is called `left`."""
    with cluster() as nodes:
        add_node(nodes, left=1)
        add_node(nodes, right=1)
        yield nodes


def on(nodes, **more: str) -> dict[str, str]:
    return {"WAVE_POOL": "ray", "WAVE_RAY_ADDRESS": nodes.address, "WAVE_SCRIPT_SLOTS": "2", **more}


def local_run(ground: Ground) -> None:
    project(ground)
    assert ground.run() == "completed"


def all_rows(ground: Ground) -> list[dict[str, object]]:
    return ground.sql("SELECT name, text, words, note, tag FROM items JOIN tags USING (item_id) ORDER BY name, tag")


def test_a_project_gives_the_same_rows_on_ray_as_on_the_local_pool(ground: Ground, nodes, made):
    project(ground)
    with ground.process("run", "work", **on(nodes)) as running:
        assert running.wait(120) == 0, running.stderr.read()
    assert all_rows(ground) == all_rows(made(local_run))
    assert len(all_rows(ground)) == N
    assert ground.states("tag") == {"completed": N}
    assert {"wave-runner-" in home for home in homes(ground)} == {True}, "they were done by hosts on Ray"
    assert {"wave-runner-" in home for home in homes(made(local_run))} == {False}


def homes(ground: Ground) -> list[str]:
    """The private folders in which `tag` was done."""
    outputs = ground.sql("SELECT output FROM interactions WHERE output LIKE '%%\"home\"%%'")
    return [json.loads(row["output"])["home"] for row in outputs]


def in_pool(nodes, work, **options):
    """Run `work(pool)` on a pool of the cluster."""

    async def whole():
        pool = RayPool(**{"slots": 2, "address": nodes.address, "wait_s": 1.0, **options})
        try:
            return await work(pool)
        finally:
            await pool.close()

    return asyncio.run(whole())


def test_scripts_ask_and_are_stopped_on_ray_as_they_are_here_and_nothing_is_left_behind(nodes, tmp_path):
    zoo = Zoo(tmp_path)

    async def work(pool):
        asking = [{"how": "query", "n": 7}, {"how": "refused"}]
        asked = await pool.run(zoo.script("asks.py"), jobs(*asking), Staged())
        hung = await pool.run(zoo.script("hangs.py", timeout_s=0.3), jobs({"hang": True}), Staged())
        return asked, hung

    [answered, refused], [hung] = in_pool(nodes, work)
    assert answered.output == {"rows": [{"n": 7}]}
    assert "nonsense" in refused.output["error"]
    assert isinstance(hung, Failure)
    assert hung.error_class is ErrorClass.TIMEOUT
    assert zoo.processes() == []


def test_a_worker_stands_where_its_resources_are_and_stays_warm(nodes, tmp_path):
    zoo = Zoo(tmp_path)

    async def work(pool):
        first, second = [
            (await pool.run(zoo.script("knows_its_world.py"), jobs({}), Staged()))[0].output["pid"] for _ in range(2)
        ]
        return first, second, {node["NodeID"] for node in ray.nodes() if "left" in node["Resources"]}, places()

    first, second, left, stood = in_pool(nodes, work, resources={"knows_its_world": {"left": 1}})
    assert first == second
    assert stood == left


def places() -> set[str]:
    """The nodes of which something is taken."""
    free = ray._private.state.available_resources_per_node()
    return {
        node["NodeID"] for node in ray.nodes() if free[node["NodeID"]].get("CPU", 0) < node["Resources"].get("CPU", 0)
    }


def told(error: SettingsError | ActorError) -> str:
    return f"{error.message}; {error.hint}"


def test_what_no_node_has_is_said_and_not_waited_for_in_silence(nodes, tmp_path):
    zoo = Zoo(tmp_path)
    with pytest.raises(ActorError) as caught:
        in_pool(
            nodes, lambda pool: pool.run(zoo.script("echo.py"), jobs({}), Staged()), resources={"echo": {"gold": 2}}
        )
    assert "what echo needs (CPU: 1, gold: 2); add a node" in told(caught.value)


def test_a_wave_that_waits_for_a_place_says_so_and_gets_it(nodes, tmp_path, caplog):
    zoo = Zoo(tmp_path)

    async def at_work():
        return zoo.processes()

    async def work(pool):
        slow = asyncio.create_task(pool.run(zoo.script("hangs.py", timeout_s=4.0), jobs({"hang": True}), Staged()))
        await until(at_work)
        return await pool.run(zoo.script("echo.py"), jobs({}), Staged()), await slow

    needs = {"num_cpus": 0, "left": 1}
    [echoed], [hung] = in_pool(nodes, work, resources={"echo": needs, "hangs": needs})
    assert not isinstance(echoed, Failure)
    assert isinstance(hung, Failure)
    assert "echo waits for a place in the Ray cluster (CPU: 0, left: 1)" in caplog.text


def test_a_node_of_another_version_is_refused(nodes, tmp_path):
    zoo = Zoo(tmp_path)
    other = Installation(python="3.99", wave_runner="7.0")
    with pytest.raises(ActorError) as caught:
        in_pool(nodes, lambda pool: pool.run(zoo.script("echo.py"), jobs({}), Staged()), installation=other)
    assert f"a node of the Ray cluster has {Installation.here()}, this runner wave-runner 7.0 on Python 3.99" in told(
        caught.value
    )


def test_a_cluster_that_is_not_there_is_said_at_once_and_how_to_reach_one():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.2", 0))
        address = f"127.0.0.2:{nobody.getsockname()[1]}"
        with pytest.raises(ActorError) as caught:
            RayPool(slots=1, address=address)
    assert f"the Ray cluster at {address} cannot be reached" in told(caught.value)
    assert "ray start --address" in told(caught.value)
    with pytest.raises(SettingsError, match="a driver of its cluster, not a client"):
        RayPool(slots=1, address="ray://head:10001")


def test_without_the_extra_it_is_said_what_to_install(tmp_path):
    (tmp_path / "ray.py").write_text("raise ImportError('there is none')")
    asking = "from wave_runner.actors.ray_pool import RayPool; RayPool(slots=1)"
    found = subprocess.run([sys.executable, "-c", asking], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert 'SettingsError: pool = "ray" needs the package ray' in found.stderr


def test_ray_leaves_sigterm_to_the_runner(nodes):
    before = signal.getsignal(signal.SIGTERM)

    async def work(pool):
        return signal.getsignal(signal.SIGTERM)

    assert in_pool(nodes, work) == before


@pytest.mark.parametrize(
    ("needs", "said"),
    [("cuont = {num_cpus = 1}", "names cuont, which is no script"), ("count = {num_cpus = 1.5}", "whole number")],
)
def test_resources_that_mean_nothing_are_refused(ground: Ground, needs, said):
    project(ground, toml=f"[settings.ray_resources]\n{needs}\n")
    with pytest.raises(SettingsError, match=said):
        ground.run()


def test_a_node_that_is_killed_in_mid_wave_loses_nothing(ground: Ground, nodes):
    project(ground, count=SLOW, toml=OPEN)
    doomed = add_node(nodes, doomed=1)
    needs = json.dumps({"count": {"doomed": 0.4}})
    with ground.process("run", "work", **on(nodes, WAVE_RAY_RESOURCES=needs)) as running:
        wait_until((ground.folder / "begun").exists)
        nodes.remove_node(doomed, allow_graceful=False)
        wait_until(
            lambda: ground.one("SELECT count(*) FROM interaction_events WHERE type = 'interaction_lease_expired'") > 0
        )
        add_node(nodes, doomed=1)
        assert running.wait(120) == 0, running.stderr.read()
    assert ground.items() == {f"item {n:04}": 4 for n in range(N)}
    assert ground.sql("SELECT state FROM workflow_runs") == [{"state": "completed"}]
    assert ground.states("count") == ground.states("tag") == {"completed": N}
    assert len(all_rows(ground)) == N
    assert ground.one("SELECT max(errors) FROM interactions") == 0
    assert ground.one("SELECT count(*) FROM value_writes WHERE column_name = 'words'") == N
    gaps = "SELECT interaction_id FROM interaction_events WHERE seq IS NOT NULL GROUP BY 1 HAVING max(seq) <> count(*)"
    assert ground.sql(gaps) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_runner_that_ends_leaves_no_worker_on_the_nodes_and_a_local_one_does_the_rest(ground: Ground, nodes, number):
    project(ground, count=SLOW, toml=OPEN)
    with ground.process("run", "work", **on(nodes, **SHORT_LEASE)) as first:
        wait_until((ground.folder / "begun").exists)
        first.send_signal(number)
        first.wait(60)
    wait_until(lambda: not with_environment(f"WAVE_PROJECT_DIR={ground.folder}"))
    with ground.process("run", "work", "--resume", **SHORT_LEASE) as second:
        assert second.wait(60) == 0, second.stderr.read()
    assert ground.items() == {f"item {n:04}": 4 for n in range(N)}
    assert len(all_rows(ground)) == N
