"""Scripts and models on a real Ray cluster of several nodes: the same in the end, also where a node is killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.main_job import require_model_server
from tests.support.numbered_models import (
    DISTURBANCES,
    NUMBER,
    in_the_middle,
    nothing_is_lost_and_nothing_is_wrong,
    process_of,
)
from tests.support.projects import COUNT, SHORT_LEASE, Ground, rows, script, until, wait_until
from tests.support.random_gguf import write_test_models
from tests.support.ray_cluster import add_node, cluster, lose_node
from tests.support.script_zoo import Staged, Zoo, jobs, with_environment
from tests.support.warm import wave

from wave_runner.actors.ray_cluster import Cluster
from wave_runner.actors.ray_host import Installation
from wave_runner.actors.ray_pool import RayPool
from wave_runner.actors.ray_server import RayServer
from wave_runner.core.outcome import ErrorClass, Failure, Outage
from wave_runner.core.workflow import ServerSpec
from wave_runner.errors import ActorError, ModelServerError, SettingsError
from wave_runner.servers.protocol import Request
from wave_runner.servers.router import LOG_NAME

ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")

N = 40
SLOW = script("""\
import os, pathlib, time
pathlib.Path(os.environ["WAVE_PROJECT_DIR"], "begun").write_text(str(os.getpid()))
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


@pytest.fixture(scope="module", autouse=True)
def joined(nodes):
    """This process stays connected, which spares each test some seconds. Gives who heard SIGTERM before and after."""
    before = signal.getsignal(signal.SIGTERM)
    here = Cluster(nodes.address)
    yield before, signal.getsignal(signal.SIGTERM)
    here.leave()


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
    has = {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}
    return {node for node in free.keys() & has.keys() if free[node].get("CPU", 0) < has[node].get("CPU", 0)}


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
    assert "SettingsError: to work in a Ray cluster the package ray is needed" in found.stderr


def test_ray_leaves_sigterm_to_the_runner(joined):
    before, after = joined
    assert after == before


BY_URL = '[servers.far]\ndriver = "openai"\nurl = "http://127.0.0.1:1/v1"\n'


REFUSED = {
    "[settings.ray_resources]\ncuont = {num_cpus = 1}": "names cuont, which is no script",
    "[settings.ray_resources]\ncount = {num_cpus = 1.5}": "whole number",
    "[settings.ray_servers]\nlocal = {num_cpus = -1}": "whole number",
    f"[settings.ray_servers]\nfra = {{}}\n{BY_URL}": "names fra, which is no model server",
    f"[settings.ray_servers]\nfar = {{}}\n{BY_URL}": "names far, which Wave Runner does not start",
}


def test_what_ray_is_told_and_means_nothing_is_refused(ground: Ground):
    for given, said in REFUSED.items():
        project(ground, toml=given)
        with pytest.raises(SettingsError, match=said):
            ground.do(starts_a_runner)


async def starts_a_runner(engine):
    engine.runner()


EXPIRED = "SELECT count(*) FROM interaction_events WHERE type = 'interaction_lease_expired'"
FAILED_TRIES = "SELECT sum(errors) FROM interactions"


def test_a_node_that_is_killed_in_mid_wave_loses_nothing(ground: Ground, nodes):
    project(ground, count=SLOW, toml=OPEN)
    doomed = add_node(nodes, cpus=0, doomed=1)
    needs = json.dumps({"count": {"num_cpus": 0, "doomed": 0.4}})
    with ground.process("run", "work", **on(nodes, WAVE_RAY_RESOURCES=needs)) as running:
        wait_until((ground.folder / "begun").exists)
        lose_node(nodes, doomed)
        wait_until(lambda: ground.one(EXPIRED) > 0)
        add_node(nodes, cpus=0, doomed=1)
        assert running.wait(120) == 0, running.stderr.read()
    all_is_done_once(ground)
    assert ground.one(FAILED_TRIES) == 0


def all_is_done_once(ground: Ground) -> None:
    """The rows are those of a run that nobody disturbed, each was written once, and the log shows no gap."""
    assert ground.items() == {f"item {n:04}": 4 for n in range(N)}
    assert ground.sql("SELECT state FROM workflow_runs") == [{"state": "completed"}]
    assert ground.states("count") == ground.states("tag") == {"completed": N}
    assert len(all_rows(ground)) == N
    assert ground.one("SELECT count(*) FROM value_writes WHERE column_name = 'words'") == N
    gaps = "SELECT interaction_id FROM interaction_events WHERE seq IS NOT NULL GROUP BY 1 HAVING max(seq) <> count(*)"
    assert ground.sql(gaps) == []
    its_log_is_whole(ground)


def its_log_is_whole(ground: Ground) -> None:
    verified = wave("--project", ground.folder, "audit", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def chain(pid: int) -> list[int]:
    """Return a process and those that it came from: the worker, its warden, Ray's process, and on."""
    found = [pid]
    while parent := int((Path("/proc") / str(found[-1]) / "stat").read_text().rpartition(")")[2].split()[1]):
        found.append(parent)
    return found


def host_of(pid: int) -> int:
    """Return Ray's process in which the host is that has started a process."""
    return next(one for one in chain(pid) if (Path("/proc") / str(one) / "comm").read_text().startswith("ray::"))


def folder_of(host: int) -> Path:
    """Return the folder on which a host has its hand."""
    held = [entry.readlink() for entry in (Path("/proc") / str(host) / "fd").iterdir() if entry.is_symlink()]
    [folder] = [path for path in held if path.name.startswith("wave-runner-ray-host-")]
    return folder


@pytest.mark.parametrize("what", ["the worker", "its warden", "its host"])
def test_a_script_that_is_killed_on_a_node_that_lives_loses_nothing(ground: Ground, nodes, what: str):
    project(ground, count=SLOW, toml=OPEN)
    begun = ground.folder / "begun"
    with ground.process("run", "work", **on(nodes)) as running:
        worker, warden, host = chain(int(wait_until(lambda: begun.exists() and begun.read_text())))[:3]
        assert host == host_of(worker)
        folder = folder_of(host)
        os.kill({"the worker": worker, "its warden": warden, "its host": host}[what], signal.SIGKILL)
        assert running.wait(120) == 0, running.stderr.read()
    all_is_done_once(ground)
    # A script that dies is charged for what it had in hand; if its host dies under it nobody is.
    assert (ground.one(EXPIRED) > 0, ground.one(FAILED_TRIES)) == ((True, 0) if what == "its host" else (False, 1))
    wait_until(lambda: not with_environment(f"WAVE_PROJECT_DIR={ground.folder}"))
    assert not folder.exists()


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


def servers_of(folder: Path) -> list[str]:
    """The command lines that name the folder's weights."""
    lines = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            lines.append((entry / "cmdline").read_bytes().decode())
    return [line for line in lines if f"{folder}/models" in line]


def asked(model: str) -> Request:
    return Request(model=model, prompt="Name a number.", schema=json.loads(NUMBER), timeout_s=60.0)


@contextlib.asynccontextmanager
async def server(nodes, folder: Path, **options: Any):
    """A server of which two models may be in memory."""
    spec = ServerSpec(name="held", driver="llama_cpp", models_dir="models", context=8192, threads=1, models_max=2)
    opened = RayServer(spec, project_dir=folder, address=nodes.address, **options)
    try:
        yield opened
    finally:
        await opened.close()


def test_each_model_has_a_host_and_what_leaves_makes_room_for_another(nodes, tmp_path):
    require_model_server(tmp_path)
    write_test_models(tmp_path / "models")

    async def work():
        async with server(nodes, tmp_path) as held:
            first, second = [await held.ensure_loaded(model) for model in ("test-a", "test-b")]
            stood = places()
            assert len(stood) == 2
            assert await held.ensure_loaded("test-a") == replace(first, loaded=False, load_us=0)
            one, two, again = [await held.infer(asked(model)) for model in ("test-a", "test-b", "test-a")]
            assert one.text == again.text != two.text
            async with server(nodes, tmp_path, wait_s=0.2) as other:
                full = await other.ensure_loaded("test-a")
            third = await held.ensure_loaded("test-c", kept=["test-b"])
            assert set(await held.resident()) == {"test-b", "test-c"}
            assert places() == stood
            with pytest.raises(ModelServerError, match=r"on the node .*has no weights for 'test-z'"):
                await held.digest("test-z")
            async with server(nodes, tmp_path, needs={"gold": 2}) as nowhere:
                with pytest.raises(ModelServerError, match=r"no node .* the model server 'held' needs \(CPU: 1, gold"):
                    await nowhere.capabilities()
            return first, second, full, third

    first, second, full, third = asyncio.run(work())
    assert (first.loaded, second.loaded, first.evicted, second.evicted) == (True, True, (), ())
    assert (full.error_class, full.outage) == (ErrorClass.OVERLOADED, Outage.SERVER)
    assert "'held' has waited 0.2 s for a place in the Ray cluster (CPU: 1): all are taken" in full.message
    assert (third.loaded, third.evicted) == (True, ("test-a",))
    assert servers_of(tmp_path) == []


def models_on(nodes, **needs: float) -> dict[str, str]:
    """Scripts and the models of `numbered` on Ray."""
    return on(nodes, WAVE_RAY_SERVERS=json.dumps({"local": needs}))


def loads(ground: Ground) -> dict[str, int]:
    found = ground.sql("SELECT model, count(*) AS n FROM visits WHERE loaded GROUP BY 1")
    return {row["model"]: row["n"] for row in found}


@pytest.mark.parametrize("numbered", [1], indirect=True)
def test_a_node_that_is_killed_under_a_model_loses_nothing_and_the_rows_are_those_of_one_machine(
    numbered: Ground, nodes
):
    doomed = add_node(nodes, cpus=0, fragile=1)
    with numbered.process("run", "work", **models_on(nodes, num_cpus=0, fragile=1)) as running:
        wait_until(lambda: in_the_middle(numbered, "second"))
        lose_node(nodes, doomed)
        add_node(nodes, cpus=0, fragile=1)
        assert running.wait(150) == 0, running.stderr.read()
    saved = numbered.items()
    assert numbered.one(EXPIRED) > 0
    assert numbered.one("SELECT max(errors) FROM interactions") == 0
    assert loads(numbered) == {"test-one": 1, "test-two": 2}
    wait_until(lambda: process_of(numbered, "router") is None)
    nothing_is_lost_and_nothing_is_wrong(numbered, saved)  # done once more, by a server on this machine


def model_host(ground: Ground) -> int:
    launcher = process_of(ground, "launcher")
    assert launcher is not None
    return host_of(launcher)


ON_A_LIVING_NODE = {
    **{what: DISTURBANCES[what] for what in ("the model's process is killed", "its launcher is killed")},
    "its host is killed": lambda ground: os.kill(model_host(ground), signal.SIGKILL),
}


@pytest.mark.parametrize("numbered", [1], indirect=True)
@pytest.mark.parametrize("disturb", ON_A_LIVING_NODE.values(), ids=ON_A_LIVING_NODE.keys())
def test_a_server_that_is_killed_on_a_node_that_lives_loses_nothing(
    numbered: Ground, nodes, disturb: Callable[[Ground], None]
):
    with numbered.process("run", "work", **models_on(nodes), **SHORT_LEASE) as running:
        wait_until(lambda: in_the_middle(numbered, "second"))
        folder = folder_of(model_host(numbered))
        assert (folder / LOG_NAME).exists()
        disturb(numbered)
        assert running.wait(150) == 0, running.stderr.read()
    saved = numbered.items()
    assert loads(numbered)["test-two"] == 2
    wait_until(lambda: all(process_of(numbered, what) is None for what in ("launcher", "router", "model")))
    assert not folder.exists()
    its_log_is_whole(numbered)
    nothing_is_lost_and_nothing_is_wrong(numbered, saved)


@pytest.mark.parametrize("numbered", [1], indirect=True)
def test_a_runner_that_is_killed_leaves_no_model_server_on_the_nodes(numbered: Ground, nodes):
    with numbered.process("run", "work", **models_on(nodes), **SHORT_LEASE) as first:
        wait_until(lambda: in_the_middle(numbered, "second"))
        assert process_of(numbered, "model") is not None
        first.send_signal(signal.SIGKILL)
        first.wait(60)
    wait_until(lambda: all(process_of(numbered, what) is None for what in ("launcher", "router", "model")))
    with numbered.process("run", "work", "--resume", **SHORT_LEASE) as second:
        assert second.wait(60) == 0, second.stderr.read()
    assert numbered.states("second") == {"completed": len(numbered.items())} != {"completed": 0}
