"""The compiled part of the package `cel`, without its command line.

`import cel` brings in a terminal interface and what draws it, more than a quarter of a second for every command of
ours. The compiled module stands on its own, so it is loaded by its file.
"""

from __future__ import annotations

import logging
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

_NAME = "cel.cel"


def _load() -> ModuleType:
    package = find_spec("cel")  # finds it and runs nothing of it
    if _NAME not in sys.modules and package is not None:
        for folder in package.submodule_search_locations or ():
            for suffix in EXTENSION_SUFFIXES:
                path = Path(folder) / f"cel{suffix}"
                spec = spec_from_file_location(_NAME, path) if path.is_file() else None
                if spec is not None and spec.loader is not None:
                    module = module_from_spec(spec)
                    sys.modules[_NAME] = module
                    spec.loader.exec_module(module)
                    return module

    return sys.modules[_NAME]


# It warns of a function that fails, and raises too: one of them is enough.
logging.getLogger("cel").setLevel(logging.CRITICAL)

cel = _load()
