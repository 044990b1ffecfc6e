"""Worker processes: warm, limited in time, and never outliving what they were for."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.script_zoo import Staged, is_alive, jobs
from tests.support.waiting import wait_until

from wave_runner.core.outcome import Done, ErrorClass, Failure
from wave_runner.errors import ActorError


def kinds(outcomes):
    return ["done" if isinstance(one, Done) else one.error_class.value for one in outcomes]


def log(outcome):
    return b"".join(one.content for one in outcome.evidence if one.role == "log").decode()


def in_pool(zoo, work, **options):
    """Run `work(pool)` and check that nothing is left behind."""

    async def whole():
        async with zoo.pool(**options) as pool:
            return await work(pool)

    found = asyncio.run(whole())
    assert zoo.processes() == []
    assert zoo.folders() == []
    return found


def test_a_worker_stays_warm_for_the_next_wave_of_its_version(zoo):
    async def work(pool):
        script = zoo.script("knows_its_world.py")
        return [(await pool.run(script, jobs({}), Staged()))[0].output["pid"] for _ in range(3)]

    assert len(set(in_pool(zoo, work))) == 1


def test_another_version_gets_another_worker_and_the_one_idle_longest_makes_room(zoo):
    async def work(pool):
        pids = []
        for version in ("a", "b", "a", "c", "a", "b"):
            (outcome,) = await pool.run(zoo.script("knows_its_world.py", sha256=version), jobs({}), Staged())
            pids.append(outcome.output["pid"])
        return pids

    a, b, a_again, c, a_third, b_again = in_pool(zoo, work, slots=1, warm=2)
    assert a == a_again == a_third
    assert len({a, b, c, b_again}) == 4


def test_no_more_workers_are_kept_warm_than_may_be(zoo):
    async def work(pool):
        for version in "abcd":
            await pool.run(zoo.script("knows_its_world.py", sha256=version), jobs({}), Staged())
        await asyncio.to_thread(wait_until, lambda: len(zoo.processes()) <= 2 * 2)  # a worker and its warden each

    in_pool(zoo, work, warm=2)


def test_a_worker_without_work_is_not_kept_for_ever(zoo):
    async def work(pool):
        script = zoo.script("knows_its_world.py")
        (first,) = await pool.run(script, jobs({}), Staged())
        await asyncio.to_thread(wait_until, lambda: zoo.processes() == [])
        (second,) = await pool.run(script, jobs({}), Staged())
        return first.output["pid"], second.output["pid"]

    first, second = in_pool(zoo, work, warm_s=0.01)
    assert first != second


def test_a_worker_that_is_at_work_again_is_not_ended_for_having_been_idle(zoo):
    async def work(pool):
        script = zoo.script("naps.py")
        await pool.run(script, jobs({"seconds": 0}), Staged())
        before = zoo.processes()
        (outcome,) = await pool.run(script, jobs({"seconds": 1.0}), Staged())
        assert sorted(zoo.processes()) == sorted(before)
        return outcome

    assert isinstance(in_pool(zoo, work, warm_s=0.5), Done)


def test_two_slots_do_two_waves_at_once_and_a_third_waits(zoo, tmp_path):
    async def work(pool):
        script = zoo.script("knows_its_world.py")
        waves = [pool.run(script, jobs(*[{}] * 20), Staged()) for _ in range(5)]
        found = await asyncio.gather(*waves)
        return {outcome.output["pid"] for wave in found for outcome in wave}

    assert len(in_pool(zoo, work, slots=2, warm=2)) == 2


def test_a_hang_is_ended_at_the_time_limit_and_costs_only_its_item(zoo):
    outcomes = zoo.run("hangs.py", {"n": 0}, {"hang": True}, {"n": 2}, timeout_s=0.5)
    assert kinds(outcomes) == ["done", "timeout", "done"]
    assert "not done after 0.5 s" in outcomes[1].message
    assert log(outcomes[1]) == "about to hang\n"


def test_the_time_limit_is_for_each_item_and_not_for_the_wave(zoo):
    outcomes = zoo.run("naps.py", *[{"seconds": 0.3}] * 6, timeout_s=1.2)
    assert kinds(outcomes) == ["done"] * 6
    assert all(300_000 <= one.usage.service_us < 1_200_000 for one in outcomes)


def test_a_process_that_ignores_signals_is_ended_with_its_children(zoo):
    (outcome,) = zoo.run("ignores_sigterm.py", {}, timeout_s=0.5)
    assert outcome.error_class is ErrorClass.TIMEOUT


def test_a_hanging_whole_wave_fails_all_its_items(zoo):
    outcomes = zoo.run("whole_wave.py", {"how": "hangs"}, {}, timeout_s=0.5)
    assert kinds(outcomes) == ["timeout", "timeout"]


def test_a_crash_costs_only_the_item_in_hand_and_names_the_signal(zoo):
    inputs = [{"n": n} for n in range(50)]
    inputs[20] = {"by": "signal"}
    outcomes = zoo.run("dies.py", *inputs)
    assert kinds(outcomes) == ["done"] * 20 + ["crashed"] + ["done"] * 29
    assert outcomes[20].message == "the worker process was killed by SIGSEGV"
    assert log(outcomes[20]).startswith("last words\nFatal Python error: Segmentation fault")
    assert [one.output["n"] for one in outcomes[21:]] == list(range(21, 50))


def test_results_finished_before_a_crash_are_not_done_again(zoo, tmp_path):
    diary = tmp_path / "diary"
    inputs = [{"diary": str(diary), "n": n, "die": n == 3} for n in range(6)]
    outcomes = zoo.run("keeps_a_diary.py", *inputs)
    assert kinds(outcomes) == ["done"] * 3 + ["crashed"] + ["done"] * 2
    assert diary.read_text() == "0 1 2 3 4 5 "


@pytest.mark.parametrize(
    ("by", "kind", "says"),
    [
        ("_exit", "crashed", "exited with status 3"),
        ("exit", "transient", "the script called sys.exit('enough')"),
        ("warden", "crashed", "the worker process broke off"),
    ],
)
def test_a_worker_that_ends_itself_costs_one_item(zoo, by, kind, says):
    # In a sandbox it could not signal its warden.
    outcomes = zoo.run("dies.py", {"n": 0}, {"by": by}, {"n": 2}, sandbox=zoo.sandbox("dies", sandbox="none"))
    assert kinds(outcomes) == ["done", kind, "done"]
    assert says in outcomes[1].message


def test_a_crash_of_a_whole_wave_fails_all_its_items(zoo):
    outcomes = zoo.run("whole_wave.py", {"how": "dies"}, {})
    assert kinds(outcomes) == ["crashed", "crashed"]
    assert "SIGKILL, perhaps for want of memory" in outcomes[0].message


def test_a_crash_at_import_fails_every_item(zoo):
    outcomes = zoo.run("dies_at_import.py", {}, {})
    assert kinds(outcomes) == ["crashed", "crashed"]
    assert "its worker was killed by SIGABRT" in outcomes[0].message
    assert "Fatal Python error" in log(outcomes[0])


def test_an_import_that_hangs_is_ended(zoo):
    async def work(pool):
        return await pool.run(zoo.script("hangs_at_import.py"), jobs({}), Staged())

    (outcome,) = in_pool(zoo, work, start_timeout_s=1.0)
    assert outcome.error_class is ErrorClass.TIMEOUT
    assert "did not finish loading within 1 s" in outcome.message


def test_staging_goes_on_after_the_last_committed_row_when_a_worker_was_killed(zoo):
    requests = Staged()
    rows = [{"n": n} for n in range(5)]

    async def work(pool):
        script = zoo.script("stages.py")
        item = {"how": "add", "rows": rows, "die_at": 3}
        first = await pool.run(script, jobs(item), requests)
        again = jobs(item, attempt=2, position=requests.rows[-1]["position"])
        return first + await pool.run(script, again, requests)

    died, finished = in_pool(zoo, work)
    assert died.error_class is ErrorClass.CRASHED
    assert finished.output == {"added": 2, "position": 5}
    assert [row["position"] for row in requests.rows] == [1, 2, 3, 4, 5]


def test_an_error_of_the_runner_itself_comes_out_of_run_and_ends_the_worker(zoo):
    class Broken(Staged):
        async def query(self, statement, parameters):
            raise ConnectionError("the database is gone")

    async def work(pool):
        with pytest.raises(ConnectionError, match="the database is gone"):
            await pool.run(zoo.script("asks.py"), jobs({"how": "query", "n": 1}), Broken())
        assert zoo.processes() == []
        return await pool.run(zoo.script("asks.py"), jobs({"how": "query", "n": 1}), Staged())

    (outcome,) = in_pool(zoo, work)
    assert outcome.output == {"rows": [{"n": 1}]}


def test_a_thread_that_asks_after_its_call_is_refused(zoo, tmp_path):
    file = tmp_path / "refused"

    async def work(pool):
        script = zoo.script("asks.py")
        await pool.run(script, jobs({"how": "after_the_call", "file": str(file)}), Staged())
        await asyncio.to_thread(wait_until, lambda: file.exists() and file.read_text())
        return await pool.run(script, jobs({"how": "query", "n": 5}), Staged())

    (outcome,) = in_pool(zoo, work)
    assert "only while its items are worked on" in file.read_text()
    assert outcome.output == {"rows": [{"n": 5}]}


def test_cancelling_a_wave_ends_its_worker_and_all_below_it(zoo, tmp_path):
    pid_file = tmp_path / "pid"
    hanging = asyncio.Event()

    class Watches(Staged):
        async def progress(self, job_id, done, total, note):
            hanging.set()

    async def work(pool):
        item = {"then": "hang", "forget": True, "pid_file": str(pid_file)}
        wave = asyncio.create_task(pool.run(zoo.script("forks_away.py"), jobs(item), Watches()))
        await hanging.wait()
        wave.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wave
        assert zoo.processes() == []
        assert not is_alive(int(pid_file.read_text()))

    in_pool(zoo, work)


def cancel_after(turns: int, task: asyncio.Task) -> None:
    """Cancel a task when the event loop has turned so many times."""
    if turns:
        asyncio.get_running_loop().call_soon(cancel_after, turns - 1, task)
    else:
        task.cancel()


def test_cancelling_a_wave_whose_worker_is_just_starting_ends_it_too(zoo):
    """At whichever of its first turns of the event loop that happens."""

    async def work(pool):
        for turns in range(25):
            wave = asyncio.create_task(pool.run(zoo.script("hangs.py"), jobs({"hang": True}), Staged()))
            cancel_after(turns, wave)
            with pytest.raises(asyncio.CancelledError):
                await wave
            assert zoo.processes() == []

    in_pool(zoo, work)


def test_a_worker_that_dies_while_idle_is_replaced(zoo):
    async def work(pool):
        script = zoo.script("knows_its_world.py")
        (first,) = await pool.run(script, jobs({}), Staged())
        os.kill(first.output["pid"], signal.SIGKILL)
        (second,) = await pool.run(script, jobs({}), Staged())
        return first.output["pid"], second.output["pid"]

    first, second = in_pool(zoo, work)
    assert first != second


def test_a_worker_that_stands_still_while_idle_is_replaced_after_the_time_limit(zoo):
    async def work(pool):
        (first,) = await pool.run(zoo.script("knows_its_world.py"), jobs({}), Staged())
        os.kill(first.output["pid"], signal.SIGSTOP)
        (second,) = await pool.run(zoo.script("knows_its_world.py", timeout_s=0.5), jobs({}), Staged())
        return first.output["pid"], second.output["pid"]

    first, second = in_pool(zoo, work)
    assert first != second


def test_kill_9_of_the_runner_ends_its_workers_and_removes_their_folders(zoo):
    program = Path(__file__).parent / "zoo" / "a_runner.py"
    repository = Path(__file__).parents[2]
    runner = subprocess.Popen([sys.executable, program, zoo.work_dir, zoo.mark], cwd=repository, stdout=subprocess.PIPE)
    with runner:
        assert runner.stdout.readline() == b"hanging\n"
        assert len(zoo.processes()) == 3  # the warden, the worker, and what the script forked away
        runner.kill()
    wait_until(lambda: not zoo.processes())
    wait_until(lambda: not zoo.folders())


def test_a_python_that_cannot_be_started_is_said_once_and_for_all(zoo):
    async def work(pool):
        with pytest.raises(ActorError, match=r"no worker can be started for echo.*no/such/python"):
            await pool.run(zoo.script("echo.py"), jobs({}), Staged())

    in_pool(zoo, work, python="/no/such/python")


def test_a_python_without_this_package_fails_its_items_with_what_it_said(zoo):
    async def work(pool):
        return await pool.run(zoo.script("echo.py"), jobs({}), Staged())

    (outcome,) = in_pool(zoo, work, python="/bin/false")
    assert isinstance(outcome, Failure)
    assert outcome.error_class is ErrorClass.CRASHED


def test_a_closed_pool_takes_no_more_waves(zoo):
    async def work(pool):
        await pool.close()
        with pytest.raises(RuntimeError, match="closed"):
            await pool.run(zoo.script("echo.py"), jobs({}), Staged())

    in_pool(zoo, work)


def test_a_process_that_outlives_its_wave_ends_without_waiting_for_the_pool(zoo, tmp_path, caplog):
    pid_file = tmp_path / "pid"

    async def work(pool):
        item = {"then": "return", "forget": True, "pid_file": str(pid_file)}
        await pool.run(zoo.script("forks_away.py"), jobs(item), Staged())
        assert not is_alive(int(pid_file.read_text()))

    in_pool(zoo, work)
    assert "forks_away left 1 processes running; ended" in caplog.text


def test_a_script_that_removes_its_own_folder_is_no_trouble(zoo, caplog):
    assert kinds(zoo.run("removes_its_home.py", {})) == ["done"]
    assert caplog.text == ""


@pytest.mark.parametrize(
    "say",
    [
        b"garbage that is longer than four bytes",
        b"\xff\xff\xff\xff",
        b'\x00\x00\x00\x0b{"what": 1} ',
        b"\x00\x00\x00\x04[17]",
        b'\x00\x00\x00\x1c{"end": true, "children": 0}',
        b'\x00\x00\x00\x10{"results": [5]}',
        b'\x00\x00\x00\x3a{"ask": "query", "index": 1, "arguments": {"statement": 1}}',
    ],
)
def test_what_is_no_message_costs_the_item_and_not_the_runner(zoo, say):
    outcomes = zoo.run("speaks_out_of_turn.py", {}, {"say": say.hex()}, {})
    assert kinds(outcomes) == ["done", "crashed", "done"]
    assert "broke off its conversation" in outcomes[1].message
