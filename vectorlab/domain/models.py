"""What the store knows of a language model: where it is and what exactly it is."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from vectorlab.domain.hashing import content_sha256
from vectorlab.errors import InputError

BUNDLED_MODEL = "tiny"  # it comes with the package
DTYPES = ("float32", "bfloat16", "float16")  # what a model may compute in


@dataclass(frozen=True, kw_only=True)
class ModelDescription:
    """A model directory read without loading it: hashes and shape."""

    source: str  # absolute directory, hub id, or "bundled:tiny"
    revision: str | None  # hub revision; None for a directory
    architecture: str  # transformers model_type, e.g. "llama"
    n_layers: int  # decoder blocks
    d_model: int  # width of the residual stream
    n_parameters: int
    vocabulary_size: int
    context_length: int | None  # tokens; None when the configuration sets no limit
    weights_sha256: str  # over the named tensors, whatever their sharding
    config_sha256: str
    tokenizer_sha256: str
    chat_template_sha256: str | None
    trust_remote_code: bool = False

    @cached_property
    def fingerprint(self) -> str:
        """Hash of weights, configuration and tokenizer: what "the same model" means."""
        return content_sha256(
            "model",
            {
                "weights": self.weights_sha256,
                "config": self.config_sha256,
                "tokenizer": self.tokenizer_sha256,
                "chat_template": self.chat_template_sha256,
            },
        )


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model as the store has it registered."""

    id: int
    name: str
    description: ModelDescription
    created_at: datetime  # UTC

    @property
    def shape(self) -> tuple[int, int]:
        """Depth in decoder blocks, and the width of the residual stream."""
        return self.description.n_layers, self.description.d_model

    @property
    def fingerprint(self) -> str:
        """Content hash of weights, configuration and tokenizer."""
        return self.description.fingerprint


def check_dtype(dtype: str) -> str:
    """The dtype itself, if a model may compute in it.

    Raises:
        InputError: If it is none of ``DTYPES``.
    """
    if dtype not in DTYPES:
        raise InputError(f"dtype {dtype!r} is not known. Use one of {', '.join(DTYPES)}.")
    return dtype
