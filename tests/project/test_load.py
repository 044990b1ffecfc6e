from pathlib import Path

import pytest
from tests.support.small_project import FILES, WORKFLOW, change, write_project

from wave_runner.core.pinned import read_step
from wave_runner.core.workflow import END, ActorKind, Case, Each, InputRef, Next, RouteOn
from wave_runner.errors import ProjectError
from wave_runner.project.definitions import step_definition
from wave_runner.project.load import find_project, load_project, read_project


def broken(folder: Path) -> ProjectError:
    with pytest.raises(ProjectError) as caught:
        load_project(folder)
    return caught.value


def test_a_project_is_read_whole(tmp_path):
    project = load_project(write_project(tmp_path))
    assert (project.id, project.name) == ("5a1c0de0-0000-4000-8000-000000000001", "small")
    assert project.collections["items"].rows == {"tags": "item_id"}
    assert project.models["judge"].options == {"temperature": 0.5}
    assert project.models["judge"].max_attempts == 2
    assert project.scripts["save"].timeout_s == 5.0
    assert set(project.files) == set(FILES) - {"wave.toml"}
    assert project.files["sql/tables.sql"] == b"CREATE TABLE items ();\n"


def test_a_workflow_s_steps_are_read_in_file_order(tmp_path):
    workflow = load_project(write_project(tmp_path)).workflows["work"]
    assert list(workflow.steps) == ["fetch", "judge", "note", "save"]
    assert workflow.root.name == "fetch"
    assert workflow.root.once
    assert workflow.steps["fetch"].route == Each(source="promoted", to="judge")
    assert workflow.steps["save"].route == Next(to=END)
    judge = workflow.steps["judge"]
    assert judge.kind is ActorKind.AI_MODEL
    assert judge.line == 12
    assert judge.input["text"] == InputRef(sources=("record.text",), max_chars=100)
    assert judge.require == ("size(text) >= 10",)
    good, bad = Case(to="save"), Case(to="note", when="params.review", otherwise="save")
    assert judge.route == RouteOn(on="verdict", cases={"GOOD": good, "BAD": bad})
    assert workflow.params["source"].required
    assert not workflow.params["review"].required


def test_modules_that_scripts_share_are_no_actors(tmp_path):
    assert set(load_project(write_project(tmp_path)).scripts) == {"fetch", "note", "save"}


def test_an_executable_file_is_a_script(tmp_path):
    folder = write_project(tmp_path)
    (folder / "actors/note.py").unlink()
    (folder / "actors/note").write_text("#!/bin/sh\ncat\n")
    (folder / "actors/note").chmod(0o755)
    script = load_project(folder).scripts["note"]
    assert (script.entry, script.executable) == ("actors/note", True)


def test_hidden_files_and_caches_are_no_part_of_a_project(tmp_path):
    folder = write_project(tmp_path, FILES | {"actors/.x.py": "", "actors/__pycache__/a.pyc": "", "prompts/a.md~": ""})
    assert set(load_project(folder).files) == set(FILES) - {"wave.toml"}


def test_a_lock_file_belongs_to_the_project(tmp_path):
    folder = write_project(tmp_path, FILES | {"requirements.txt": "pydantic==2.12\n"})
    assert load_project(folder).files["requirements.txt"] == b"pydantic==2.12\n"


def test_the_project_is_found_from_a_folder_inside_it(tmp_path):
    folder = write_project(tmp_path)
    assert find_project(folder / "actors" / "shared") == folder.resolve()


def test_where_no_project_is_the_error_says_how_to_make_one(tmp_path):
    with pytest.raises(ProjectError) as caught:
        find_project(tmp_path)
    assert "wave init" in caught.value.hint
    with pytest.raises(ProjectError, match=r"there is no wave\.toml"):
        load_project(tmp_path)


# Each row: what to replace in workflows/work.yaml, the line that the error must name, what it must say, and its hint.
WORKFLOW_MISTAKES = [
    ("workflow: work", "workflows: work", 1, "unknown key `workflows` in the file", '"workflow"'),
    ("workflow: work", "workflow: Work-1", 1, "is no name", ""),
    ("collection: items", "collection: itms", 2, "no collection `itms`", '"items"'),
    ("  source: string", "  source: strin", 4, "no type 'strin'", '"string"'),
    ("default: false", "default: 3", 5, "must be of type boolean, not 3", ""),
    ("default: false", "default: false, required: true", 5, "cannot be required", ""),
    ("    actor: fetch", "    actr: fetch", 8, "unknown key `actr` in `steps.fetch`", '"actor"'),
    ("    actor: fetch", "    actor: fech", 8, "no script `fech`", '"fetch"'),
    ("    actor: fetch", "    actor: fetch\n    model: judge", 9, "can have one of `actor` and `model`", ""),
    ("    actor: fetch\n", "", 7, "no `actor`, no `model`, no `sql`", "name who does it"),
    ("    once: true", "    once: maybe", 9, "must be true or false, not 'maybe'", ""),
    ("    once: true\n", "", 7, "needs `once: true`", ""),
    ("params.source, limit", "params.sauce, limit", 10, "no parameter `sauce`", '"source"'),
    ("limit: run.limit", "limit: run.limits", 10, "no `run.limits`", '"run.limit"'),
    ("limit: run.limit", "limit: record.x", 10, "has no record", ""),
    ("limit: run.limit", "limit: judge.why", 10, "`judge` does not come before `fetch`", ""),
    ("each: promoted", "each: promote", 11, "`each` can be `promoted` only", ""),
    ("{each: promoted, to: judge}", "judge", 11, "`judge` works on one record", "each: promoted, to: judge"),
    ("    model: judge", "    model: judge\n    once: true", 11, "`judge` runs once per run, so it must come", ""),
    ("    actor: save", "    actor: save\n    once: true", 22, "must come before the records of `judge`", ""),
    ("to: judge}", "to: juge}", 11, "no step `juge`", '"judge"'),
    ("    model: judge", "    model: jugde", 13, "no model `jugde`", '"judge"'),
    ("prompts/judge.md", "prompts/juge.md", 14, "no file prompts/juge.md", '"prompts/judge.md"'),
    ("    prompt: prompts/judge.md\n", "", 12, "it needs `prompt`", ""),
    ("    output: schemas/verdict.json\n", "", 12, "it needs `output`", ""),
    ("      title: record.title\n", "", 14, "uses `title`, which is no input", "known here: text"),
    ("title: record.title", "title: recrod.title", 16, "no `recrod`", '"record"'),
    ("title: record.title", "title: record", 16, "needs the name of a column", ""),
    ("title: record.title", "title: []", 16, "must say where the input comes from", ""),
    ("title: record.title", "title: a b", 16, "is no source", ""),
    ("max_chars: 100", "max_char: 100", 17, "unknown key `max_char`", '"max_chars"'),
    ("max_chars: 100", "max_chars: 0", 17, "at least 1, not 0", ""),
    ("size(text) >= 10", "size(txt) >= 10", 18, "reads `txt`", '"text"'),
    ("size(text) >= 10", "size(text >= 10", 18, "is no CEL", ""),
    ("size(text) >= 10", "sise(text) >= 10", 18, 'calls sise(), which is not there; did you mean "size"?', ""),
    ("schemas/verdict.json", "schemas/verdct.json", 19, "no file schemas/verdct.json", '"schemas/verdict.json"'),
    ("on: verdict", "on: verdit", 21, "has no `verdit`", '"verdict"'),
    ("on: verdict", "on: why", 21, "must be an `enum`", ""),
    ("      GOOD: save\n", "", 20, "can be GOOD, and no case", ""),
    ("GOOD: save", "GOD: save", 22, "can never be `GOD`", '"GOOD"'),
    ("GOOD: save", "GOOD: sav", 22, "no step `sav`", '"save"'),
    ("GOOD: save", "GOOD: judge", 22, "a circle without an end: judge → judge", "{loop: judge, max: 3"),
    ("GOOD: save", "GOOD: fetch", 22, "a circle without an end", "max: 3"),
    ("params.review, to", "params.revew, to", 23, "there is no `params.revew`", '"review"'),
    ("params.review, to", "param.review, to", 23, "reads `param`", '"params"'),
    (", else: save}", "}", 23, "needs `else`", ""),
    ("verdict: judge.verdict, why", "verdict: judge.verdct, why", 26, "has no `verdct`", '"verdict"'),
    ("[note.verdict, judge.verdict]", "note.verdict", 31, "without an output of `note`", "[a.x, b.x]"),
    ("items.verdict, tags", "item.verdict, tags", 32, "`item.verdict` is in no table", '"items"'),
    ("items.verdict, tags", "items.name", 32, "no step may change it", ""),
    ("items.verdict, tags", "items.a.b", 32, "names no column", ""),
    ("next: end", "nxt: end", 33, "unknown key `nxt`", '"next"'),
    ("    next: end\n", "", 29, "exactly one of `next` and `route`", "next: end"),
    ("next: end", "next: end\n  other:\n    actor: note\n    next: end", 34, "no path leads to the step `other`", ""),
    ("next: end", "next: end\n  other: x", 34, "must be keys with values, not 'x'", ""),
    ("record.verdict != null", "recrd.verdict != null", 35, "reads `recrd`", '"record"'),
    ("count(tags)", "count(tag)", 36, "counts rows of `tag`", '"tags"'),
    ("count(tags)", "count(1)", 36, "takes the name of one table", ""),
    ("ensures:", "ensure:", 34, "unknown key `ensure`", '"ensures"'),
    ("workflow: work\n", "workflow: work\nworkflow: b\n", 2, "for the second time", ""),
    ("    once: true", "   once: true", 9, "this is no YAML", ""),
    ("    once: true", "\tonce: true", 9, "this is no YAML", ""),
    ("next: end", "next: &a end", 33, "anchors (&a)", ""),
    ("next: end", "next: !!python/name:os.system x", 33, "is not used in these files", ""),
    ("next: end", "next: end\n---\na: 1", 34, "this is no YAML", ""),
    ("next: end", "next: end\n    timeout_s: -1", 34, "a number of seconds above 0", ""),
    ("  save:\n", "  record:\n", 29, "cannot name a step", ""),
]


@pytest.mark.parametrize(("old", "new", "line", "message", "hint"), WORKFLOW_MISTAKES)
def test_a_mistake_in_a_workflow_is_named_with_its_line(tmp_path, old, new, line, message, hint):
    folder = write_project(tmp_path)
    assert old in WORKFLOW
    (folder / "workflows/work.yaml").write_text(WORKFLOW.replace(old, new, 1))
    error = broken(folder)
    assert message in error.message
    assert (error.path, error.line) == (folder / "workflows/work.yaml", line)
    assert str(error).startswith(f"{error.path}:{line}: ")
    assert hint in error.hint


OWN_SERVER = 'driver = "llama_cpp"\nmodels_dir = ".wave/models"'
KEYED = 'driver = "openai"\nurl = "http://h/v1"\napi_key_file = "{}"'
TOML_MISTAKES = [
    ("[project]", "[projet]", 1, "unknown key `projet`", '"project"'),
    ("[project]", "[project", 1, "this is no TOML", ""),
    ('id = "5a1c0de0-0000-4000-8000-000000000001"', 'id = ""', 2, "must be a UUID", 'id = "'),
    ('name = "small"', 'nam = "small"', 3, "unknown key `nam`", '"name"'),
    ('name = "small"\n', "", 1, "needs `name`", ""),
    ('name = "small"', 'name = "small"\ncurrency = "euro"', 4, "a code of three capitals, such as EUR, not 'euro'", ""),
    ("[collections.items]", "[collections.Items]", 5, "is no name", ""),
    ('table = "items"', 'tabel = "items"', 6, "unknown key `tabel`", '"table"'),
    ('table = "items"', 'table = "items; DROP"', 6, "plain name of a table", ""),
    ('key = "name"', 'key = "name"\nmax_raw_bytes = 40000000', 8, "is 32,000,000 at most, not 40,000,000", ""),
    ('tags = "item_id"', "tags = 3", 11, "must be a text, not 3", ""),
    ('tags = "item_id"', 'tags = "item id"', 11, "maps a table to its column", ""),
    ('driver = "llama_cpp"', 'driver = "llama-cpp"', 14, "no driver 'llama-cpp'", '"llama_cpp"'),
    ('driver = "llama_cpp"', 'driver = "openai"', 13, "needs `url`", ""),
    ('driver = "llama_cpp"', 'driver = "ollama"', 13, "needs `url`, as in http://127.0.0.1:11434", ""),
    (OWN_SERVER, 'driver = "ollama"\nurl = "http://h:1/v1"', 15, "is not below /v1", 'url = "http://h:1"'),
    (OWN_SERVER, 'driver = "ollama"\nurl = "http://h:1"\ntokens_per_minute = 1', 16, "one runner alone asks", ""),
    (OWN_SERVER, 'driver = "openai"\nurl = "http://h/v1"\nmemory = "1 GiB"', 16, "nobody knows what it holds", ""),
    ('models_dir = ".wave/models"', 'memory = "6 gigs"', 15, "a number of bytes such as 6 GiB", ""),
    ('models_dir = ".wave/models"', "memory = 0", 15, "a whole number of at least 1", ""),
    ('models_dir = ".wave/models"', 'api_key = "secret"', 15, "unknown key `api_key`", '"api_key_env"'),
    (OWN_SERVER, KEYED.format("keys/far"), 16, "a file of the project", "below .wave/"),
    (OWN_SERVER, KEYED.format("../far") + '\napi_key_env = "FAR"', 16, "not from both", ""),
    ('models_dir = ".wave/models"', 'api_key_file = "/run/secrets/far"', 15, "a server by URL", ""),
    ('server = "local"', 'server = "locl"', 18, "no server `locl`", '"local"'),
    ('model = "tiny"', 'model = ["tiny"]', 19, "must be a text, not a list", ""),
    ("max_attempts = 2", "max_attempts = 0", 20, "at least 1, not 0", ""),
    ("max_attempts = 2", "max_attempts = 99999999999", 20, "at most 1,000,000,000", ""),
    ("max_attempts = 2", "max_attempts = true", 20, "at least 1, not true", ""),
    ("max_attempts = 2", "price = {input = 0.0000004}", 20, "a price to 6 decimals, not 4e-07", ""),
    ("max_attempts = 2", "price = {output = -1}", 20, "the price of a million tokens, not -1", ""),
    ("max_attempts = 2", "price = {second = true}", 20, "the price of a second of the machine, not true", ""),
    ("max_attempts = 2", "price = {ouput = 1}", 20, "unknown key `ouput`", 'did you mean "output"?'),
    ("max_attempts = 2", "max_attempts = 2\nmax_attempts = 3", 21, "this is no TOML", ""),
    ("[scripts.save]", "[scripts.judge]", 25, "is a model already", ""),
    ("[scripts.save]", "[scripts.sav]", 25, "no file actors/sav.py", '"actors/save.py"'),
    ("timeout_s = 5", 'entry = "sql/tables.sql"', 26, "a file under actors/", ""),
    ("timeout_s = 5", 'timeout_s = "5"', 26, "a number of seconds above 0", ""),
    ("timeout_s = 5", 'sandbox = "strikt"', 26, "one of none, own, strict", 'did you mean "strict"?'),
    ("timeout_s = 5", 'sandbox = "none"\nnetwork = true', 27, "`network` opens a sandbox, and there is none", ""),
    ("timeout_s = 5", 'network = "https://a.example"', 26, "names hosts, as HOST or HOST:PORT", "without https://"),
    ("timeout_s = 5", 'network = true\nprivate_hosts = ["a"]', 27, "`network = true` opens these too", ""),
    ("timeout_s = 5", 'executable = true\nnetwork = ["a"]', 27, "gets all of the network or none", "network = true"),
    ("timeout_s = 5", 'may_read = ["~other/rows"]', 26, "`may_read` names paths", ""),
    ("timeout_s = 5", 'memory = "much"', 26, "a number of bytes such as 6 GiB", ""),
    ("timeout_s = 5", "executable = true", 26, "no permission to be executed", "chmod +x actors/save.py"),
    ("max_attempts = 2", 'runs_on = [""]', 20, "names labels of runners; '' can be none", "WAVE_LABELS=gpu,large"),
    ("max_attempts = 2", 'runs_on = ["gpu,large"]', 20, "'gpu,large' can be none", 'runs_on = ["gpu"]'),
    ("timeout_s = 5", "timeout_s = 5\nstep_timeout_s = 4", 26, "`timeout_s: 5` is more than `step_timeout_s: 4`", ""),
    ("timeout_s = 5", "queue_timeout_s = 9\nstep_timeout_s = 8", 26, "`queue_timeout_s: 9` is more than", ""),
    ("timeout_s = 5", "timeout_floor_s = 9\ntimeout_ceiling_s = 8", 26, "`timeout_floor_s: 9` is more than", ""),
    ("sql/look_up.sql", "../secret", 27, "paths inside the project", ""),
    ("sql/look_up.sql", "sql/none.sql", 27, "there is nothing at sql/none.sql", ""),
]


@pytest.mark.parametrize(("old", "new", "line", "message", "hint"), TOML_MISTAKES)
def test_a_mistake_in_wave_toml_is_named_with_its_line(tmp_path, old, new, line, message, hint):
    folder = write_project(tmp_path)
    change(folder, "wave.toml", old, new)
    error = broken(folder)
    assert message in error.message
    assert (error.path, error.line) == (folder / "wave.toml", line)
    assert hint in error.hint


OTHER_MISTAKES = [
    ("prompts/judge.md", "{{ text }}", "{{ text }", 3, "this is no Jinja2"),
    ("prompts/judge.md", "{{ text }}", "{% include 'x' %}", 3, "cannot include"),
    ("prompts/judge.md", "{{ text }}", "{text}", 3, "`{text}` would stand in the prompt as plain text"),
    ("schemas/verdict.json", '"enum"', '"enum":', 2, "this is no JSON Schema"),
    ("schemas/verdict.json", '"maxLength": 80', '"maxLength": "80"', 2, "$.properties.why.maxLength"),
    ("schemas/verdict.json", '"type": "string"', '"$ref": "http://127.0.0.1:9/x"', 1, "Retrieval is disabled"),
    ("actors/tidy.py", "return text", "return (text", 5, "this is no Python"),
]


@pytest.mark.parametrize(("path", "old", "new", "line", "message"), OTHER_MISTAKES)
def test_a_mistake_in_another_file_is_named_with_its_line(tmp_path, path, old, new, line, message):
    folder = write_project(tmp_path)
    change(folder, path, old, new)
    error = broken(folder)
    assert message in error.message
    assert (error.path, error.line) == (folder / path, line)


def test_two_workflows_of_one_name_are_refused(tmp_path):
    folder = write_project(tmp_path, FILES | {"workflows/zebra.yaml": "# again\n" + WORKFLOW})
    error = broken(folder)
    assert "already, in workflows/work.yaml" in error.message
    assert (error.path, error.line) == (folder / "workflows/zebra.yaml", 2)


def test_files_that_are_no_text_are_refused_with_the_line(tmp_path):
    folder = write_project(tmp_path)
    (folder / "workflows/work.yaml").write_bytes(b"workflow: work\ncollection: \xff\n")
    assert "not UTF-8" in broken(folder).message
    assert broken(folder).line == 2
    (folder / "workflows/work.yaml").write_bytes(b"workflow: work\ncollection: a\0b\n")
    assert broken(folder).line == 2
    (folder / "workflows/work.yaml").write_bytes(b"- a\n- b\n")
    assert "must hold keys with values" in broken(folder).message
    (folder / "workflows/work.yaml").write_bytes(b"[" * 100_000)
    assert "nested too deep" in broken(folder).message


def test_a_link_that_leads_out_of_the_project_is_refused(tmp_path):
    folder = write_project(tmp_path / "project")
    (tmp_path / "secret.md").write_text("secret")
    (folder / "prompts/more.md").symlink_to(tmp_path / "secret.md")
    assert "leads out of the project" in broken(folder).message


def test_a_module_beside_the_pinned_folders_cannot_be_imported(tmp_path):
    folder = write_project(tmp_path, FILES | {"helpers.py": "", "actors/fetch.py": "import json\nimport helpers\n"})
    error = broken(folder)
    assert "helpers.py is not pinned" in error.message
    assert (error.path, error.line) == (folder / "actors/fetch.py", 2)
    change(folder, "wave.toml", "[scripts.save]", '[scripts.fetch]\nfiles = ["helpers.py"]\n\n[scripts.save]')
    assert "helpers.py" in load_project(folder).files


def test_sizes_in_memory_are_read_as_people_write_them(tmp_path):
    folder = write_project(tmp_path)
    change(folder, "wave.toml", 'models_dir = ".wave/models"', 'models_dir = ".wave/models"\nmemory = "6 GiB"')
    change(folder, "wave.toml", "max_attempts = 2", "memory = 3_000_000_000")
    project = load_project(folder)
    assert (project.servers["local"].memory, project.models["judge"].memory) == (6 * 1024**3, 3_000_000_000)


TWO_OF_ONE = """\
[servers.near]
driver = "ollama"
url = "http://127.0.0.1:11434"

[models.judge]
server = "near"
model = "gemma3"
options = {num_ctx = 2048}

[models.doubter]
server = "near"
model = "gemma3:latest"
options = {OPTIONS}

"""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("{num_ctx = 8192}", "with 8,192 and 2,048 tokens of context: they share one load, with 8,192"),
        ("{num_ctx = 2048, num_gpu = 3}", "in 2 ways that need a load each"),
        ("{num_ctx = 2048, seed = 3}", None),
    ],
)
def test_models_that_want_the_same_weights_in_two_ways_are_told(tmp_path, options, said):
    folder = write_project(tmp_path)
    text = (folder / "wave.toml").read_text("utf-8")
    before, rest = text[: text.index("[servers.local]")], text[text.index("[scripts.save]") :]
    (folder / "wave.toml").write_text(before + TWO_OF_ONE.replace("{OPTIONS}", options) + rest, "utf-8")
    reading = read_project(folder)
    told = [mistake for mistake in reading.mistakes if mistake.rule.name == "loaded_in_two_ways"]
    assert reading.project is not None
    assert [said in mistake.message for mistake in told] == ([True] if said else [])
    lines = (folder / "wave.toml").read_text("utf-8").splitlines()
    assert {lines[mistake.line - 1] for mistake in told} <= {"options = {num_ctx = 2048}"}


def test_a_step_pins_the_context_that_its_model_shares(tmp_path):
    folder = write_project(tmp_path)
    text = (folder / "wave.toml").read_text("utf-8")
    before, rest = text[: text.index("[servers.local]")], text[text.index("[scripts.save]") :]
    (folder / "wave.toml").write_text(before + TWO_OF_ONE.replace("{OPTIONS}", "{num_ctx = 8192}") + rest, "utf-8")
    project = load_project(folder)
    workflow = project.workflows["work"]
    pinned = read_step(step_definition(project, workflow, workflow.steps["judge"]).body)
    assert pinned.model is not None
    assert pinned.model.options == {"num_ctx": 8192}
