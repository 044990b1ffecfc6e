"""What the header of a .gguf file says about memory."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest
from tests.support.random_gguf import write_random_gguf

from wave_runner.servers.gguf import memory_of


def test_keys_and_values_come_on_top_of_the_file(tmp_path: Path):
    path = write_random_gguf(tmp_path / "m.gguf", "m", embd=128, layers=3, heads=4)
    size = path.stat().st_size
    assert memory_of(path, 0) == size
    # 3 layers, 4 heads of 32 numbers, for a key and for a value, two bytes each.
    assert memory_of(path, 1000) == size + 1000 * 3 * 4 * (32 + 32) * 2


def test_heads_may_share_keys_and_differ_from_layer_to_layer(tmp_path: Path):
    path = tmp_path / "m.gguf"
    writer = gguf.GGUFWriter(path, "strange")
    writer.add_block_count(3)
    writer.add_embedding_length(64)
    writer.add_head_count(8)
    writer.add_head_count_kv([2, 0, 1])
    writer.add_key_length(16)
    writer.add_value_length(4)
    writer.add_token_list(["a", "b"])
    writer.add_tensor("t", np.ones(4, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert memory_of(path, 10) == path.stat().st_size + 10 * (2 + 0 + 1) * (16 + 4) * 2


@pytest.mark.parametrize("content", [b"", b"GGUF", b"no such thing", b"GGUF" + b"\xff" * 40])
def test_of_a_file_that_is_no_model_the_file_is_counted(tmp_path: Path, content: bytes):
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    assert memory_of(path, 1000) == len(content)
