"""What is wrong with a project, gathered over all its files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from wave_runner.core.lint import RULES, Finding, Rule
from wave_runner.errors import ProjectError
from wave_runner.project.document import Document


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One finding with its file and line (0: the file as a whole). `workflow` is "" where it is no workflow's own."""

    rule: Rule
    path: Path
    line: int
    message: str
    hint: str = ""
    workflow: str = ""

    def error(self) -> ProjectError:
        """Return it as what stops a command."""
        return ProjectError(self.message, path=self.path, line=self.line, hint=self.hint, rule=self.rule.name)


@dataclass
class Mistakes:
    """Mistakes in the order they are found: by files, and in a file by lines as far as one rests on another."""

    folder: Path
    found: list[Mistake] = field(default_factory=list)

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Take what is raised inside as one more, and go on behind."""
        try:
            yield
        except ProjectError as error:
            self.found.append(
                Mistake(
                    rule=RULES[error.rule],
                    path=error.path or self.folder,
                    line=error.line,
                    message=error.said,
                    hint=error.hint,
                )
            )

    def add(self, document: Document, finding: Finding, workflow: str = "") -> None:
        self.found.append(
            Mistake(
                rule=RULES[finding.rule],
                path=document.path,
                line=document.line(finding.at),
                message=finding.message,
                hint=finding.hint,
                workflow=workflow,
            )
        )
