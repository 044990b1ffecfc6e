"""A model of a few KB that answers nonsense: enough to see whether a model server can run at all."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping

# GGUF's number for a kind of weights, and the bytes that 32 of them take.
F32, Q8_0 = (0, 128), (8, 34)


def tiny_gguf(*, quantized: bool) -> bytes:
    """Return a model of the "llama" kind with one layer, zeros for weights and a byte-level vocabulary.

    Quantized (Q8_0) and float weights are computed with different instructions; a CPU may have just the one.
    """
    width, feed, tokens = 32, 32, ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    shapes = {
        "token_embd.weight": (width, len(tokens)),
        "output_norm.weight": (width,),
        "output.weight": (width, len(tokens)),
        "blk.0.attn_norm.weight": (width,),
        "blk.0.ffn_norm.weight": (width,),
        "blk.0.ffn_gate.weight": (width, feed),
        "blk.0.ffn_up.weight": (width, feed),
        "blk.0.ffn_down.weight": (feed, width),
        **{f"blk.0.attn_{part}.weight": (width, width) for part in ("q", "k", "v", "output")},
    }
    facts: dict[str, object] = {
        "general.architecture": "llama",
        "llama.context_length": 64,
        "llama.embedding_length": width,
        "llama.block_count": 1,
        "llama.feed_forward_length": feed,
        "llama.attention.head_count": 1,
        "llama.rope.dimension_count": width,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": [0.0] * len(tokens),
        "tokenizer.ggml.token_type": [2, 3, 3, *([6] * 256)],  # unknown, control, control, bytes
    }
    return _gguf(facts, shapes, Q8_0 if quantized else F32)


def _gguf(facts: Mapping[str, object], shapes: Mapping[str, tuple[int, ...]], matrices: tuple[int, int]) -> bytes:
    """Write the GGUF version 3 container: counts, facts, the table of tensors, then their data, all zeros."""
    table, offset = b"", 0
    for name, shape in shapes.items():
        kind, block = matrices if len(shape) > 1 else F32
        table += _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
        size = math.prod(shape) // 32 * block
        offset += size + -size % 32  # each tensor starts at a multiple of 32 bytes
    head = b"GGUF" + struct.pack("<IQQ", 3, len(shapes), len(facts))
    head += b"".join(_text(key) + _value(value) for key, value in facts.items()) + table
    return head + bytes(-len(head) % 32) + bytes(offset)


def _value(value: object) -> bytes:
    if isinstance(value, list):
        kinds = {str: 8, float: 6, int: 5}
        body = b"".join(_value(item)[4:] for item in value)
        return struct.pack("<IIQ", 9, kinds[type(value[0])], len(value)) + body
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    return struct.pack("<If", 6, value) if isinstance(value, float) else struct.pack("<II", 4, value)


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()
