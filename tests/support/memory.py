"""A folder that lies in memory, for what tests create and delete by the ten thousand.

Some file systems look at every file that was deleted lately before they make a new one: there a test would spend most
of its time on the empty files of its database.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

IN_MEMORY = Path("/dev/shm")
NEEDED_BYTES = 6 * 1024**3


def folder_in_memory() -> Path | None:
    """Return it; None where there is none, or too small a one, or none that programs can be run from."""
    if not IN_MEMORY.is_dir() or shutil.disk_usage(IN_MEMORY).free < NEEDED_BYTES:
        return None
    runs_programs = not os.statvfs(IN_MEMORY).f_flag & os.ST_NOEXEC
    return IN_MEMORY if runs_programs and os.access(IN_MEMORY, os.W_OK) else None
