"""Makes weights of another kind from a file of weights, with the libllama that comes with a model server.

    python -I -S quantize.py LIBLLAMA SOURCE TARGET KIND

A process of its own: the library prints as it likes, and aborts where it meets what it cannot do.
"""

import ctypes
import sys

KINDS = {"f16": 1, "q8_0": 7, "bf16": 32}  # llama_ftype
MAY_BE_LONGER = 256  # bytes: newer versions append fields we do not use


class Parameters(ctypes.Structure):
    """The front of llama_model_quantize_params, with room for whatever a version adds behind it."""

    _fields_ = (
        ("threads", ctypes.c_int32),
        ("kind", ctypes.c_int32),
        ("output_kind", ctypes.c_int32),
        ("embedding_kind", ctypes.c_int32),
        ("allow_requantize", ctypes.c_bool),
        ("quantize_output", ctypes.c_bool),
        ("only_copy", ctypes.c_bool),
        ("pure", ctypes.c_bool),
        ("rest", ctypes.c_byte * MAY_BE_LONGER),
    )


def main(library: str, source: str, target: str, kind: str) -> int:
    """Return 0 if `target` was made."""
    llama = ctypes.CDLL(library)
    llama.llama_model_quantize_default_params.restype = Parameters
    parameters = llama.llama_model_quantize_default_params()
    if not is_layout_known(parameters):
        print("llama_model_quantize_params has another layout in this version", file=sys.stderr)  # noqa: T201 - a script
        return 3
    parameters.kind = KINDS[kind]
    parameters.allow_requantize = True
    llama.llama_backend_init()
    status: int = llama.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(parameters))
    return 1 if status else 0


def is_layout_known(parameters: Parameters) -> bool:
    """Return whether the defaults stand where we expect them: a moved field would be read as something else."""
    flags = (parameters.allow_requantize, parameters.quantize_output, parameters.only_copy, parameters.pure)
    unset = parameters.output_kind == parameters.embedding_kind >= 30  # GGML_TYPE_COUNT, which grows
    return parameters.threads == 0 and 0 < parameters.kind < 64 and unset and flags == (False, True, False, False)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
