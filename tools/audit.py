"""Asks public lists of vulnerabilities about all that ships: `make audit`, and `.ci/audit` where they can be reached.

All packages of deploy/sbom.json, Python's and JavaScript's, are asked about at OSV (https://osv.dev); then pip-audit
looks at what is pinned for Python, by hash. Exit code 1: something is known of a package; 2: OSV cannot be reached.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
BOM = ROOT / "deploy/sbom.json"
PIP_AUDIT = "pip-audit==2.10.1"
REQUIREMENTS = ("runtime", "local")
OSV = "https://api.osv.dev"
JSON = {"Content-Type": "application/json"}
PATIENCE_S = 20


def known(packages: list[str], lists: str = OSV) -> dict[str, list[str]]:
    """Return which vulnerabilities are known of packages, by their package URLs. Raises `OSError` without an answer."""
    asked = json.dumps({"queries": [{"package": {"purl": package}} for package in packages]}).encode()
    question = urllib.request.Request(f"{lists}/v1/querybatch", asked, JSON)  # noqa: S310  whoever calls says where
    with urllib.request.urlopen(question, timeout=PATIENCE_S) as answer:  # noqa: S310
        results: list[dict[str, Any]] = json.load(answer)["results"]
    found = zip(packages, results, strict=True)
    return {package: [one["id"] for one in result["vulns"]] for package, result in found if result.get("vulns")}


def shipped() -> list[str]:
    """Return the package URLs of all that ships."""
    return [one["purl"] for one in json.loads(BOM.read_text(encoding="utf-8"))["components"]]


def pip_audit() -> int:
    """Have pip-audit look at what is pinned for Python; return its exit code."""
    pinned = [word for name in REQUIREMENTS for word in ("--requirement", f"requirements/{name}.txt")]
    how = ("--vulnerability-service", "osv", "--strict", "--disable-pip", "--require-hashes")
    command = [ROOT / ".venv/bin/uv", "tool", "run", PIP_AUDIT, *how, *pinned]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def say(text: str) -> None:
    """Tell whoever looks on."""
    sys.stderr.write(f"{text}\n")


def main() -> int:
    """Ask, print what is known, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--where-reached", action="store_true", help="succeed where the lists cannot be reached")
    parser.add_argument("--lists", default=OSV, help="another place that answers as OSV does")
    given = parser.parse_args()
    packages = shipped()
    try:
        found = known(packages, given.lists)
    except (OSError, ValueError, KeyError) as error:
        say(f"audit: nothing was looked up, for {given.lists} cannot be reached: {error}")
        return 0 if given.where_reached else 2
    for package, ids in found.items():
        sys.stdout.write(f"{package}\t{', '.join(ids)}\n")
    say(f"audit: {len(packages)} packages ship, and of {len(found)} something is known")
    if found or given.lists != OSV:
        return 1 if found else 0
    return pip_audit()


if __name__ == "__main__":
    sys.exit(main())
