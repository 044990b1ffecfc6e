"""Tiny real weights made of noise: a real engine loads, runs and samples them in milliseconds.

    python -m tests.support.random_gguf DIR      writes test-a.gguf, test-b.gguf and test-c.gguf

The same arguments give the same bytes. What such a model answers means nothing, and unless a grammar or a schema with
ASCII patterns holds it, it is not even valid UTF-8.
"""

from __future__ import annotations

import sys
from pathlib import Path

import gguf
import numpy as np

FILES = {"test-a": 0, "test-b": 1, "test-c": 2}
# Attention over a long prompt is what such a model spends its time on: one layer with one head reads 2,500 tokens in
# about 0.05 s on one thread, the defaults of write_random_gguf take four times as long.
FAST = {"layers": 1, "heads": 1, "ff": 64}


def write_random_gguf(
    path: Path,
    name: str,
    *,
    embd: int = 64,
    layers: int = 2,
    heads: int = 4,
    ff: int = 128,
    ctx: int = 8192,
    seed: int = 0,
) -> Path:
    """Write a "llama" of these sizes to `path` and return it; about 265 KB with the defaults."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(name)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_context_length(ctx)
    writer.add_embedding_length(embd)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(ff)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_rope_dimension_count(embd // heads)
    writer.add_layer_norm_rms_eps(1e-5)
    vocabulary = _add_tokenizer(writer)
    _add_weights(writer, np.random.default_rng(seed), vocabulary, embd, layers, ff)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_tokenizer(writer: gguf.GGUFWriter) -> int:
    """Add a byte-level vocabulary, one token for each byte of a text, and return its size."""
    kind = gguf.TokenType
    tokens = [(b"<unk>", -1000.0, kind.UNKNOWN), (b"<s>", -1000.0, kind.CONTROL), (b"</s>", -1000.0, kind.CONTROL)]
    tokens += [(b"<0x%02X>" % byte, -100.0, kind.BYTE) for byte in range(256)]
    tokens += [("\u2581".encode(), -1.0, kind.NORMAL)]  # how this kind of tokenizer spells a space
    tokens += [(bytes([byte]), -1.0, kind.NORMAL) for byte in range(0x21, 0x7F)]
    texts, scores, types = zip(*tokens, strict=True)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(list(texts))
    writer.add_token_scores(list(scores))
    writer.add_token_types(list(types))
    writer.add_vocab_size(len(tokens))
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    writer.add_chat_template("{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant: ")
    return len(tokens)


def _add_weights(
    writer: gguf.GGUFWriter, rng: np.random.Generator, vocabulary: int, embd: int, layers: int, ff: int
) -> None:
    def noise(key: str, rows: int, columns: int, spread: float = 0.02) -> None:
        matrix = rng.standard_normal((rows, columns), dtype=np.float32) * spread
        writer.add_tensor(f"{key}.weight", matrix.astype(np.float16))

    def ones(key: str) -> None:
        writer.add_tensor(f"{key}.weight", np.ones(embd, np.float32))

    noise("token_embd", vocabulary, embd)
    for layer in range(layers):
        block = f"blk.{layer}."
        ones(block + "attn_norm")
        ones(block + "ffn_norm")
        for key in ("attn_q", "attn_k", "attn_v", "attn_output"):
            noise(block + key, embd, embd)
        noise(block + "ffn_gate", ff, embd)
        noise(block + "ffn_up", ff, embd)
        noise(block + "ffn_down", embd, ff)
    ones("output_norm")
    noise("output", vocabulary, embd, 0.05)  # wider, so that answers differ from prompt to prompt


def write_test_models(folder: Path) -> list[Path]:
    """Write the three files of `FILES` into `folder` and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    return [write_random_gguf(folder / f"{name}.gguf", name, seed=seed, **FAST) for name, seed in FILES.items()]


if __name__ == "__main__":
    for written in write_test_models(Path(sys.argv[1])):
        print(written)
