"""Recorded states that are kept, so that a text is read by a model once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from vectorlab.domain.codec import Request
from vectorlab.domain.hashing import bytes_sha256, content_sha256
from vectorlab.domain.packing import pack_ids
from vectorlab.domain.vectors.vectors import FloatArray, Site, TokenRule


@dataclass(frozen=True, kw_only=True)
class StateSpec(Request):
    """All that decides the state of a text beside the text; equal ones share their states."""

    TAG: ClassVar[str] = "states"

    model_fingerprint: str
    dtype: str  # the model computes in this
    site: Site
    token_rule: TokenRule
    layers: tuple[int, ...]
    d_model: int
    add_special_tokens: bool
    # Versions and kind of device: a vector is never stitched together from two of them unsaid.
    engine: Mapping[str, str | None]

    @property
    def shape(self) -> tuple[int, int]:
        """Of one text's state: the stream that enters block 0, then the layers; d_model."""
        return 1 + len(self.layers), self.d_model


@dataclass(frozen=True, kw_only=True)
class StateBlock:
    """States of several texts that were recorded together."""

    text_sha256s: tuple[str, ...]  # of each text as it is tokenised
    token_sha256s: tuple[str, ...]  # of its token ids
    values: FloatArray  # (N, 1 + L, D), row 0 what enters block 0


@dataclass(frozen=True, kw_only=True)
class StateCacheInfo:
    """What a table shows of the states kept for one specification."""

    sha256: str
    model_fingerprint: str
    model_name: str | None  # None: the model is not registered (any more)
    site: str
    dtype: str
    device: str | None
    n_texts: int
    n_bytes: int


def place_sha256(
    spec: StateSpec, text_sha256: str, token_sha256: str, blob_sha256: str, position: int
) -> str:
    """Binds a kept state to model, site, layers, text and tokens, and to its place in a blob.

    Args:
        spec: Model, site, layers and how texts are read.
        text_sha256: Hash of the text.
        token_sha256: Hash of its token ids.
        blob_sha256: Hash of the blob that the state is kept in.
        position: Number of the state in the blob, from 0.
    """
    return content_sha256(
        "kept-state", [spec.sha256, text_sha256, token_sha256, blob_sha256, position]
    )


def tokens_sha256(token_ids: "list[int]") -> str:
    """Name of a sequence of token ids."""
    return bytes_sha256(pack_ids(token_ids))
