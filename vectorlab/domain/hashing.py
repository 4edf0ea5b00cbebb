"""Identity by content: canonical JSON and tagged SHA-256."""

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> str:
    """The one spelling of a JSON value: sorted keys, no spaces, UTF-8 kept, no NaN.

    Raises:
        ValueError: If the value holds NaN or an infinity.
        TypeError: If the value is not made of JSON types.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def content_sha256(tag: str, value: Any) -> str:
    """SHA-256 (64 hex digits) of a JSON value under a tag that keeps kinds apart.

    The tag stops a demonstration and, say, a run with the same JSON from sharing a hash.
    """
    text = f"vectorlab/{tag}/1\n{canonical_json(value)}"
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()


def bytes_sha256(data: bytes) -> str:
    """SHA-256 (64 hex digits) of raw bytes, as stored beside every blob."""
    return hashlib.sha256(data).hexdigest()
