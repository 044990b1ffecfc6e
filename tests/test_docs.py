"""What the documents tell a reader to do works, what they name exists, and what they state the code agrees with."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from tests.support.documents import Command, DocumentError, NewFile, blocks, follow, steps

from wave_runner.cli.main import wave
from wave_runner.core.interaction import LEGAL_MOVES

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
# Those of a tutorial or a task share a project: tests/test_guides.py.
GUIDES = [ROOT / "docs/tutorial", ROOT / "docs/how-to"]
PAGES_TO_FOLLOW = [page for page in PAGES if page.parent not in GUIDES and steps(page.read_text(encoding="utf-8"))]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES_TO_FOLLOW, ids=name)
def test_a_reader_who_does_what_a_page_says_gets_what_it_says(page: Path, tmp_path: Path):
    follow(page, folder=tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_inside_the_project_leads_somewhere(page: Path):
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    assert [target for target in targets if target and not (page.parent / target).exists()] == []


FOLDERS = ("src/", "tests/", "tools/", "docs/")
# Where a path on a design page may begin; it stands in the text, in a drawing or in a link.
DESIGN = ROOT / "docs/design"
BASES = [*(ROOT / "src/wave_runner/projects").iterdir(), ROOT, ROOT / "src/wave_runner", DESIGN, DESIGN / "decisions"]
FILE = re.compile(r"(?<![\w./-])(\w[\w.-]*(?:/[\w.-]+)*(?:/|\.(?:py|sql|md|toml|yaml|json)))(?:::(\w+))?(?![\w/])")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_that_a_page_names_exists_and_holds_what_it_says(page: Path):
    """Design pages name files by short paths; elsewhere a short path may be an example, or what the reader writes."""
    text = page.read_text(encoding="utf-8")
    written = {block.path for block in blocks(text)}
    named = [(path, part) for path, part in FILE.findall(text) if "NNNN" not in path and path not in written]
    sure = [(path, part) for path, part in named if "design" in page.parts or path.startswith(FOLDERS)]
    assert [f"{path}::{part}" for path, part in sure if not holds(path, part)] == []


def holds(path: str, part: str) -> bool:
    found = next((base / path for base in BASES if (base / path).exists()), None)
    return found is not None and (not part or part in found.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("path", "part"), [("runner/not_there.py", ""), ("runner/loop.py", "not_in_it")])
def test_a_file_or_a_part_of_it_that_does_not_exist_is_found_out(path: str, part: str):
    assert FILE.findall(f"as {path}::{part} says" if part else f"`{path}`") == [(path, part)]
    assert not holds(path, part)


def test_the_tables_of_the_architecture_are_those_of_the_migrations_with_what_they_point_to():
    page = (ROOT / "docs/design/architecture.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(\w+)` \|[^|]*\| ?([^|]*)\|$", page, flags=re.MULTILINE)
    migrations = "".join(
        path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "src/wave_runner/store/migrations/sql").glob("*.sql"))
    )
    made = re.findall(r"^CREATE TABLE (\w+) \((.*?)^\)", migrations, flags=re.MULTILINE | re.DOTALL)
    assert {table: set(re.findall(r"\w+", to)) for table, to in told} == {
        table: set(re.findall(r"REFERENCES (\w+)", body)) for table, body in made
    }


def test_the_readme_shows_the_files_of_the_smallest_project_as_they_are():
    template = ROOT / "src/wave_runner/projects/blank"
    files = {path.read_text(encoding="utf-8") for path in template.rglob("*.*") if path.suffix != ".pyc"}
    shown = {block.text for block in blocks((ROOT / "README.md").read_text(encoding="utf-8"))}
    assert files <= shown


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_make_verb_that_a_page_names_exists(page: Path):
    named = re.findall(r"(?:`|^\$ |^)make ([a-z][a-z-]*)", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(named) <= make_verbs()


def make_verbs() -> set[str]:
    listed = subprocess.run(["make", "-C", ROOT, "--silent", "help"], check=True, capture_output=True, text=True).stdout
    return {line.split()[1] for line in listed.splitlines()}


# Where a command begins: a block that is only shown, or words in a sentence; behind `exec` of containers too.
WAVE = re.compile(r"(?:^\$? ?|`|&& |\| |-- |exec runner |/bin/)wave ([^|&;>#`\n]+)", re.MULTILINE)


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name != "decisions"], ids=name)
def test_every_wave_command_that_a_page_shows_is_one_with_the_options_that_it_has(page: Path):
    """Blocks marked `sh` are not run: they name hosts and passwords of the reader's. What they call must exist."""
    shown = WAVE.findall(page.read_text(encoding="utf-8").replace("\\\n", " "))
    assert {text: found for text in shown if (found := unknown(text.split()))} == {}


def unknown(words: list[str]) -> list[str]:
    """Return which of the words behind `wave` are no command or option of it; those in capitals stand for another."""
    command: click.Command = wave
    options = {"--help", "-h", "--version"}
    while isinstance(command, click.Group):
        options |= {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
        name = next((word for word in words if not word.startswith("-")), "")
        found = command.get_command(click.Context(command), name) if name.isascii() and name else None
        if found is None:
            if not command.invoke_without_command:
                return [name] if re.fullmatch("[a-z][a-z-]+", name) else []
            break
        command, words = found, words[words.index(name) + 1 :]
    options |= {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    given = [word.strip(",.;:)'\"").split("=")[0] for word in words if re.match("--?[a-z]", word)]
    return [option for option in given if option not in options]


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ("wave runn x\n", ["runn"]),
        ("$ wave audit drop --befor 2026-08", ["--befor"]),
        ("docker compose exec runner wave access gran maria", ["gran"]),
        ("so `wave rerun undo 1 --all` takes back", ["--all"]),
        ("wave rerun --from STEP --where out.x:1 | less -S", []),
    ],
)
def test_a_command_that_is_none_is_found_out(shown: str, found: list[str]):
    [text] = WAVE.findall(shown)
    assert unknown(text.split()) == found


def test_the_glossary_gives_every_state_the_moves_that_the_code_allows():
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|", (ROOT / "docs/glossary.md").read_text(), flags=re.MULTILINE)
    told = {state: set(re.findall("|".join(LEGAL_MOVES), moves)) for state, moves in rows}
    assert told == {state.value: {after.value for after in moves} for state, moves in LEGAL_MOVES.items()}


class TestFollowingAPage:
    """The reader itself: a page that lies must be found out, or the tests above prove nothing."""

    @staticmethod
    def page(folder: Path, text: str) -> Path:
        path = folder / "page.md"
        path.write_text(text, encoding="utf-8")
        return path

    def test_commands_share_a_shell_and_files_are_written_on_the_way(self, tmp_path: Path):
        text = (
            '```console\n$ mkdir a && cd a\n```\n```yaml title="sub/hello.txt"\nit\'s "me"\n```\n'
            "```console\n$ cat sub/hello.txt\nit's …me…\n$ echo one; echo two; echo three\none\nthree\n```\n"
        )
        follow(self.page(tmp_path, text), folder=tmp_path)
        assert (tmp_path / "a/sub/hello.txt").read_text() == 'it\'s "me"\n'

    def test_a_command_that_fails_is_named_with_its_line_and_output(self, tmp_path: Path):
        page = self.page(tmp_path, "# T\n\n```console\n$ echo fine\n$ ls not-there\n$ touch never\n```\n")
        with pytest.raises(DocumentError, match=r"page\.md:5: exit code 2 from\nls not-there\n.*not-there"):
            follow(page, folder=tmp_path)
        assert not (tmp_path / "never").exists()

    @pytest.mark.parametrize("shown", ["three", "two\none", "on"])
    def test_output_that_is_not_printed_as_shown_is_found(self, tmp_path: Path, shown: str):
        with pytest.raises(DocumentError, match=r"page\.md:2: .* did not print"):
            follow(self.page(tmp_path, f"```console\n$ echo one; echo two\n{shown}\n```\n"), folder=tmp_path)

    def test_a_command_that_never_ends_is_named_and_ended(self, tmp_path: Path):
        page = self.page(tmp_path, "```console\n$ echo fine\n$ tail -f /dev/null\n```\n")
        with pytest.raises(DocumentError, match=r"page\.md:3: no end within 0\.5 s.*\ntail"):
            follow(page, folder=tmp_path, deadline_s=0.5)

    def test_a_command_that_leaves_the_shell_hides_nothing_that_follows(self, tmp_path: Path):
        with pytest.raises(DocumentError, match=r"page\.md:2: .* the shell was left by\nexit 0"):
            follow(self.page(tmp_path, "```console\n$ exit 0\n$ false\n```\n"), folder=tmp_path)

    def test_the_reader_has_the_commands_of_this_installation_and_no_settings_of_ours(self, tmp_path: Path):
        python = Path(sys.executable).parent / "python"
        text = f"```console\n$ command -v python\n{python}\n$ echo home=$HOME\nhome={tmp_path}\n```\n"
        follow(self.page(tmp_path, text), folder=tmp_path)

    def test_blocks_that_are_only_shown_are_not_run(self):
        assert steps("```sh\nrm -rf everything\n```\n```text\n$ false\n```\n") == []

    def test_a_command_goes_on_over_several_lines_and_a_file_keeps_its_text(self):
        found = steps('```console\n$ echo a \\\n> b \\\n>\na b\n```\n```json title="x.json"\n{}\n```\n')
        assert found == [
            Command(line=2, text="echo a \\\nb \\\n", expected=["a b"]),
            NewFile(line=8, path="x.json", text="{}\n"),
        ]

    def test_a_block_without_an_end_or_output_without_a_command_is_refused(self):
        with pytest.raises(DocumentError, match="line 2: the block"):
            list(blocks("\n```console\n$ true\n"))
        with pytest.raises(DocumentError, match="line 2: a console block starts with a command"):
            steps("```console\nhello\n```\n")
