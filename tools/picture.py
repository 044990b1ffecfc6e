"""Makes docs/images/demo.svg from what `wave demo` prints on a terminal: `make picture`.

    python tools/picture.py [RECORDED]

Without a recorded output it runs the demo, which takes some minutes. Only stdout is in the picture: progress, on
stderr, moves.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

PICTURE = Path(__file__).parent.parent / "docs/images/demo.svg"
COLUMNS = 112
# What a reader of a picture has no use for: the licence notice is shown by the demo, the rest is told in the README.
LEFT_OUT = ("One posting, event by event", "Next")


def record() -> str:
    """Return what `wave demo` prints to a terminal of `COLUMNS` columns; it must succeed."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    demo = subprocess.Popen(
        [Path(sys.executable).with_name("wave"), "demo"],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        env={**os.environ, "TERM": "xterm-256color"},
    )
    os.close(theirs)
    printed = read_all(ours)
    if demo.wait() != 0:
        raise SystemExit(f"wave demo ended with exit code {demo.returncode}")
    return printed


def read_all(fd: int) -> str:
    """Read a terminal until its other end is closed, which Linux reports as an error."""
    pieces = []
    try:
        while piece := os.read(fd, 65536):
            pieces.append(piece)
    except OSError:
        pass
    return b"".join(pieces).decode()


def chosen(printed: str) -> str:
    """Return the parts that the picture shows, without the time that one machine took and without indented notes."""
    parts = re.split(r"(?m)^(?=── )", printed.replace("\r\n", "\n"))
    kept = [part for part in parts if not part.startswith(tuple(f"── {title} " for title in LEFT_OUT))]
    text = re.sub(r"(?m)^  \S.*\n", "", kept[0]) + "".join(kept[1:])
    text = re.sub(r"(?ms)^\x1b\[[^\n]*actors by volume.*?(?=^stale: )", "", text)
    text = re.sub(r"(?m)( of our own) \(.*\)$", r"\1", text)  # the server's build
    text = re.sub(r"(?ms)^The shipped model .*?\n\n", "", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def draw(text: str) -> str:
    """Return an SVG that needs nothing from elsewhere: a viewer's own monospaced font, no fetched one."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(f"$ wave demo\n{text}"), soft_wrap=False)
    svg = console.export_svg(title="wave demo", theme=MONOKAI, unique_id="demo")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"Fira ?Code", "DejaVu Sans Mono, Menlo, Consolas", svg)
    return re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE)


if __name__ == "__main__":
    printed = Path(sys.argv[1]).read_bytes().decode() if len(sys.argv) > 1 else record()
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(draw(chosen(printed)), encoding="utf-8")
