"""An environment for each peer, apart from our own: `python -m benchmarks.peers.environments`.

    python -m benchmarks.peers.environments            # make those that are missing or out of date
    python -m benchmarks.peers.environments --pin      # pin again what requirements/PEER.in asks for, newest first

They are made by uv in `.peers/PEER`, with our own Python and what `requirements/PEER.txt` pins by hash.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
REQUIREMENTS = Path(__file__).with_name("requirements")
PEERS = sorted(file.stem for file in REQUIREMENTS.glob("*.in"))
UV = Path(sys.executable).with_name("uv")


def python_of(peer: str) -> Path:
    """Return the Python of the peer's environment, which is made first unless it is there as pinned."""
    folder = ROOT / ".peers" / peer
    pinned = REQUIREMENTS / f"{peer}.txt"
    made_from = folder / "made-from.txt"
    python = folder / "bin" / "python"
    if not made_from.exists() or made_from.read_bytes() != pinned.read_bytes():
        _uv("venv", "--clear", "--python", sys.executable, folder)
        _uv("pip", "install", "--python", python, "--require-hashes", "--requirements", pinned)
        made_from.write_bytes(pinned.read_bytes())
    return python


def pin(peer: str) -> None:
    """Write the peer's pinned requirements anew."""
    told = ["--universal", "--python-version", "3.11", "--generate-hashes", "--upgrade"]
    hidden = [
        "--no-emit-index-url",
        "--no-emit-find-links",
        "--custom-compile-command",
        "python -m benchmarks.peers.environments --pin",
    ]
    _uv("pip", "compile", *told, *hidden, REQUIREMENTS / f"{peer}.in", "--output-file", REQUIREMENTS / f"{peer}.txt")


def _uv(*arguments: str | Path) -> None:
    done = subprocess.run([UV, "--quiet", *arguments], check=False, stdout=subprocess.DEVNULL)
    assert done.returncode == 0, f"uv {arguments[0]} failed"


def main() -> None:
    """Do as told for every peer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pin", action="store_true", help="pin anew first")
    told = parser.parse_args()
    for peer in PEERS:
        if told.pin:
            pin(peer)
        print(python_of(peer).parent.parent, flush=True)


if __name__ == "__main__":
    main()
