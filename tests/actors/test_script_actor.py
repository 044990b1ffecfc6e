"""What a script may do with an item, and what each kind of misbehaviour comes to. Real worker processes throughout."""

import json

import pytest
from tests.support.script_zoo import Staged, is_alive

from wave_runner.core.outcome import Breach, Done, Effect, ErrorClass, Failure, Replace, Usage, Write


def text(outcome, role):
    return b"".join(one.content for one in outcome.evidence if one.role == role).decode()


def test_a_dict_in_gives_a_dict_out(zoo):
    (outcome,) = zoo.run("echo.py", {"title": "Clerk \u2019 \U0001f30a", "n": [1, 2.5, None, True]})
    assert isinstance(outcome, Done)
    assert outcome.output == {"title": "Clerk \u2019 \U0001f30a", "n": [1, 2.5, None, True]}
    assert outcome.evidence == ()
    assert outcome.usage == Usage(service_us=outcome.usage.service_us, result_bytes=outcome.usage.result_bytes)
    assert 60 < outcome.usage.result_bytes < 200


def test_outcomes_come_in_the_order_of_the_jobs(zoo):
    outcomes = zoo.run("echo.py", *({"n": n, "text": "x" * (n * 40)} for n in range(500)))
    assert [one.output["n"] for one in outcomes] == list(range(500))


def test_a_wave_larger_than_one_message_arrives_whole(zoo):
    outcomes = zoo.run("echo.py", *({"n": n, "text": "x" * 900_000} for n in range(12)))
    assert [(one.output["n"], len(one.output["text"])) for one in outcomes] == [(n, 900_000) for n in range(12)]


def test_no_jobs_need_no_worker(zoo):
    assert zoo.run("does_not_exist.py") == []


def test_a_step_without_record_gets_none_and_the_run(zoo):
    (outcome,) = zoo.run("knows_its_world.py", {})
    assert outcome.output["record"] == "record 0"
    assert outcome.output["run"] == {"id": 7}
    assert outcome.output["attempt"] == 1


def test_a_worker_sees_a_built_environment_and_nothing_of_the_runner(zoo):
    (outcome,) = zoo.run("knows_its_world.py", {}, environment={"SETTING": "given"})
    environment = outcome.output["environment"]
    assert set(environment) == {"PATH", "LANG", "HOME", "TMPDIR", "SETTING", "ZOO", "WAVE_WORKER"}
    assert environment["SETTING"] == "given"
    assert environment["HOME"] == outcome.output["cwd"]
    assert outcome.output["cwd"].startswith(str(zoo.work_dir))


def test_models_are_filled_and_written_in_their_json_form(zoo):
    (outcome,) = zoo.run("strict.py", {"n": 5, "day": "2016-01-02"})
    assert outcome.output == {"score": 5, "price": "1.10", "day": "2016-01-02"}


def test_a_dict_is_checked_against_the_output_model_and_completed(zoo):
    (outcome,) = zoo.run("strict.py", {"n": 5, "day": "2016-01-02", "how": "dict"})
    assert outcome.output == {"score": 5, "price": "1.10", "day": "2016-01-02"}


WRONG_INPUTS = [
    ({}, "n: Field required"),
    ({"n": "5"}, "n: Input should be a valid integer"),
    ({"n": 5, "surprise": 1}, "surprise: Extra inputs"),
]


def test_an_input_that_breaks_its_model_is_quarantined(zoo):
    outcomes = zoo.run("strict.py", *(item for item, _ in WRONG_INPUTS))
    for outcome, (_, says) in zip(outcomes, WRONG_INPUTS, strict=True):
        assert isinstance(outcome, Breach)
        assert (outcome.rule, outcome.retry) == ("invalid_input", False)
        assert says in outcome.message


BROKEN_OUTPUTS = [
    ({"n": 101}, "score: Input should be less than or equal to 100"),
    ({"n": 101, "how": "dict"}, "score: Input should be less than or equal to 100"),
    ({"n": 1, "how": "changed_after"}, "score: Input should be less than or equal to 100"),
    ({"n": 1, "how": "unknown_field"}, "surprise: Extra inputs"),
    ({"n": 1, "how": "text_for_number"}, "score: Input should be a valid integer"),
]


def test_an_output_that_breaks_its_model_is_a_breach_and_the_next_item_goes_on(zoo):
    *outcomes, good = zoo.run("strict.py", *(item for item, _ in BROKEN_OUTPUTS), {"n": 1})
    for outcome, (_, says) in zip(outcomes, BROKEN_OUTPUTS, strict=True):
        assert isinstance(outcome, Breach)
        assert (outcome.rule, outcome.retry) == ("invalid_output", False)
        assert says in outcome.message
    assert isinstance(good, Done)


UNSTORABLE_OUTPUTS = [
    ("none", "no_output", "returned None"),
    ("list", "invalid_output", "a list of 1"),
    ("text", "invalid_output", "a str"),
    ("set", "unserialisable", "set"),
    ("object", "unserialisable", "object"),
    ("number_key", "unserialisable", "key must be str"),
    ("nan", "unserialisable", "output.a[0] is NaN"),
    ("nan_in_dataclass", "unserialisable", "output.a.value is NaN"),
    ("nul", "unstorable_text", "output.a.b holds a NUL"),
    ("surrogate", "unstorable_text", "output.a holds half a surrogate pair"),
    ("big_number", "unserialisable", "64-bit"),
    ("no_end", "unserialisable", "ecursion"),
    ("huge", "output_too_large", "1,000,000 are allowed; max_output_bytes of this script in wave.toml"),
]


def test_an_output_that_cannot_be_stored_is_a_breach_with_its_place(zoo):
    outcomes = zoo.run("wrong_output.py", *({"kind": kind} for kind, _, _ in UNSTORABLE_OUTPUTS))
    for outcome, (_, rule, says) in zip(outcomes, UNSTORABLE_OUTPUTS, strict=True):
        assert isinstance(outcome, Breach)
        assert (outcome.rule, outcome.retry) == (rule, False)
        assert says in outcome.message


def test_an_exception_fails_its_item_with_the_traceback_from_the_script_on(zoo):
    before, failed, after = zoo.run("raises.py", {"n": 0}, {"n": 1}, {"n": 2})
    assert isinstance(failed, Failure)
    assert failed.error_class is ErrorClass.TRANSIENT
    assert failed.message == r"ValueError: deep inside \x00 \ud800"
    trace = text(failed, "error")
    assert trace.splitlines()[1].strip().startswith("File")
    assert "raises.py" in trace.splitlines()[1]
    assert 'self.fail("deep inside' in trace
    assert isinstance(before, Done)
    assert isinstance(after, Done)


def test_what_is_printed_is_log_and_never_the_result(zoo):
    outcomes = zoo.run("prints.py", {"n": 0}, {"n": 1})
    for n, outcome in enumerate(outcomes):
        assert outcome.output == {"n": n}
        log = text(outcome, "log")
        assert f'{{"output": {{"forged": true}}}} stdout {n}\n' in log
        assert f"stderr {n} \\ud800\n" in log
        for line in ("descriptor 1\n", "child\n", "INFO wave: logged\n"):
            assert log.count(line) == 1


@pytest.mark.parametrize("how", ["close", "with", "wrapper"])
def test_a_script_that_closes_its_stdout_does_not_silence_the_items_after_it(zoo, how):
    outcomes = zoo.run("closes_stdout.py", *({"how": how, "n": n} for n in range(2)))
    assert all(isinstance(one, Done) for one in outcomes), outcomes
    assert [text(one, "log").splitlines()[0] for one in outcomes] == ["item 0", "item 1"]


def test_a_gigabyte_of_output_is_dropped_with_a_note(zoo):
    (outcome,) = zoo.run("prints_a_gigabyte.py", {"megabytes": 1024})
    assert outcome.output == {"done": True}
    log = text(outcome, "log")
    assert log.startswith("it begins\n")
    assert log.endswith("it ends\n")
    assert "1,073,676,306 bytes of output left out" in log
    assert len(log) < 70_000


def test_writes_and_effects_travel_with_the_result_as_json(zoo):
    (outcome,) = zoo.run("saves.py", {"how": "well"})
    assert outcome.writes == (
        Write(table="postings", values={"summary": "short", "day": "2016-01-02", "pay": "1.50"}),
        Replace(table="job_skills", rows=[{"skill": "sql"}, {"skill": "python"}]),
    )
    assert outcome.effects == (Effect(statement="UPDATE counters SET n = n + %s", parameters=[1]),)


def test_a_rejected_item_is_quarantined_and_writes_nothing(zoo):
    (outcome,) = zoo.run("saves.py", {"how": "reject"})
    assert isinstance(outcome, Breach)
    assert (outcome.rule, outcome.message, outcome.retry) == ("not_ours", "not a posting", False)


FORBIDDEN = [
    ("other_record", "this item is record 'record 0', not 'another'"),
    ("commit", "COMMIT is not allowed here"),
    ("staging", "set `staging = True`"),
]


def test_what_a_script_may_not_do_is_an_error_in_the_script(zoo):
    outcomes = zoo.run("saves.py", *({"how": how} for how, _ in FORBIDDEN))
    for outcome, (_, says) in zip(outcomes, FORBIDDEN, strict=True):
        assert isinstance(outcome, Failure)
        assert says in outcome.message


def test_a_write_that_cannot_be_stored_is_a_breach_with_its_place(zoo):
    (outcome,) = zoo.run("saves.py", {"how": "nul"})
    assert isinstance(outcome, Breach)
    assert outcome.rule == "unstorable_text"
    assert "writes[0].values.summary holds a NUL" in outcome.message


def test_a_query_is_answered_while_the_script_runs(zoo):
    outcomes = zoo.run("asks.py", {"how": "query", "n": "a"}, {"how": "query", "n": 2})
    assert [one.output for one in outcomes] == [{"rows": [{"n": "a"}]}, {"rows": [{"n": 2}]}]


def test_a_refused_request_is_an_exception_that_the_script_can_catch(zoo):
    (outcome,) = zoo.run("asks.py", {"how": "refused"})
    assert outcome.output == {"error": 'column "nonsense" does not exist'}


def test_threads_of_a_script_each_get_their_own_answer(zoo):
    (outcome,) = zoo.run("asks.py", {"how": "threads"})
    assert outcome.output == {"rows": list(range(8))}


def test_progress_is_thinned_out_but_its_end_always_comes(zoo):
    requests = Staged()
    zoo.run("asks.py", {"how": "progress"}, requests=requests)
    assert requests.progressed[-1] == (100, 10_000, 10_000, "rows")
    assert len(requests.progressed) < 100


def test_staged_texts_keep_nul_and_lone_surrogates_as_escapes(zoo):
    requests = Staged()
    rows = ['{"a": "x\\u0000"}', {"b": "\\ud800 as text"}, ["\u2019"], None]
    (outcome,) = zoo.run("stages.py", {"how": "add", "rows": rows}, requests=requests)
    assert outcome.output == {"added": 4, "position": 4}
    assert requests.rows[0]["raw"] == rows[0]
    assert [json.loads(row["raw"]) for row in requests.rows[1:]] == rows[1:]


def test_staging_text_that_is_not_json_is_an_error_that_says_what_to_do(zoo):
    (outcome,) = zoo.run("stages.py", {"how": "not_json"})
    assert isinstance(outcome, Failure)
    assert "row 0: raw is no JSON" in outcome.message
    assert "json.dumps(text)" in outcome.message


def test_staged_rows_come_in_batches_until_each_is_decided(zoo):
    requests = Staged()
    for raw in ('{"id": "1/External", "title": "Clerk"}', '"line \\ud800"', "[]"):
        requests.rows.append({"raw": raw, "source": "file", "position": 0})
    (outcome,) = zoo.run("stages.py", {"how": "decide"}, requests=requests)
    assert outcome.output == {"answers": [{"decided": 2, "duplicates": []}, {"decided": 1, "duplicates": []}]}
    assert requests.decided[1] == {"decision": "promote", "id": 1, "key": "1/External", "values": {"title": "Clerk"}}
    assert requests.decided[2]["errors"][0]["message"] == r"'line \ud800'"
    assert requests.decided[3]["decision"] == "reject"


def test_a_whole_wave_is_one_call_and_a_returned_exception_fails_only_its_item(zoo):
    outcomes = zoo.run("whole_wave.py", {"n": 0}, {"n": 1, "bad": True}, {"n": 2})
    assert [type(one) for one in outcomes] == [Done, Failure, Done]
    assert outcomes[1].message == "ValueError: bad 1"
    assert outcomes[2].output == {"n": 2, "size": 3}
    assert outcomes[2].writes == (Write(table="postings", values={"n": 2}),)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("raises", "RuntimeError: the whole call"),
        ("too_few", "must return a list of 2 results, not a list of 0"),
        ("lets_rejection_out", "process_wave let a rejection out"),
    ],
)
def test_a_whole_wave_that_goes_wrong_fails_every_item_and_rejects_none(zoo, how, says):
    outcomes = zoo.run("whole_wave.py", {"how": how, "n": 0}, {"n": 1})
    assert [type(one) for one in outcomes] == [Failure, Failure]
    assert all(says in one.message for one in outcomes)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("two_actors.py", "found: Two, Three"),
        ("is_async.py", "must be a plain function"),
        ("has_no_process.py", "neither `process` nor `process_wave`"),
        ("does_not_exist.py", "No module named 'does_not_exist'"),
    ],
)
def test_a_script_that_cannot_be_loaded_fails_every_item_for_good(zoo, entry, says):
    outcomes = zoo.run(entry, {}, {})
    assert [one.error_class for one in outcomes] == [ErrorClass.PERMANENT] * 2
    assert all(says in one.message for one in outcomes)


def test_a_script_with_a_syntax_error_shows_the_line(zoo, tmp_path):
    (tmp_path / "actors").mkdir()
    (tmp_path / "actors" / "broken.py").write_text("class Broken(:\n    pass\n")
    (outcome,) = zoo.run("actors/broken.py", {}, root=tmp_path)
    assert "SyntaxError" in outcome.message
    assert "line 1" in text(outcome, "error")


def test_a_script_imports_its_neighbours_but_not_what_is_elsewhere_under_its_name(zoo, tmp_path):
    (tmp_path / "actors").mkdir()
    (tmp_path / "shared.py").write_text("VALUE = 42\n")
    (tmp_path / "actors" / "near.py").write_text("from shared import VALUE\n")
    (tmp_path / "actors" / "saver.py").write_text(
        "from actors.near import VALUE\nfrom wave_runner.actors.script_actor import ScriptActor\n"
        "class Saver(ScriptActor):\n    def process(self, item, ctx):\n        return {'value': VALUE}\n"
    )
    assert zoo.run("actors/saver.py", {}, root=tmp_path)[0].output == {"value": 42}
    assert not list(tmp_path.rglob("__pycache__"))
    (outcome,) = zoo.run("json.py", {}, root=tmp_path)
    assert "is also the name of an installed package" in outcome.message


def test_an_input_that_cannot_travel_fails_alone(zoo):
    broken, good = zoo.run("echo.py", {"text": "\ud800"}, {"n": 1})
    assert isinstance(broken, Breach)
    assert broken.rule == "unstorable_text"
    assert "input.text holds half a surrogate pair" in broken.message
    assert good.output == {"n": 1}


def test_a_child_that_comes_back_from_process_does_not_speak_for_the_worker(zoo):
    outcomes = zoo.run("forks_back.py", {}, {}, {})
    assert [one.output for one in outcomes] == [{"child": False}] * 3


@pytest.mark.parametrize("forget", [False, True])
@pytest.mark.parametrize("then", ["return", "hang", "crash"])
def test_what_a_script_forks_away_ends_with_its_wave(zoo, tmp_path, then, forget):
    pid_file = tmp_path / "pid"
    item = {"then": then, "forget": forget, "pid_file": str(pid_file)}
    (outcome,) = zoo.run("forks_away.py", item, timeout_s=1.0)
    assert not is_alive(int(pid_file.read_text()))
    if then == "return":
        assert isinstance(outcome, Done)
    else:
        assert outcome.error_class is {"hang": ErrorClass.TIMEOUT, "crash": ErrorClass.CRASHED}[then]
