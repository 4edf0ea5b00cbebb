"""Identity by content: canonical JSON and tagged SHA-256."""

import hashlib
import json
from typing import Any

# Made once: json.dumps would make one for each of a million demonstrations.
_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)
_HEAD = "vectorlab/{}/1\n"


def canonical_json(value: Any) -> str:
    """The one spelling of a JSON value: sorted keys, no spaces, UTF-8 kept, no NaN.

    Raises:
        ValueError: If the value holds NaN or an infinity.
        TypeError: If the value is not made of JSON types.
    """
    return _CANONICAL.encode(value)


def content_sha256(tag: str, value: Any) -> str:
    """SHA-256 (64 hex digits) of a JSON value under a tag that keeps kinds apart.

    The tag stops a demonstration and, say, a run with the same JSON from sharing a hash.
    """
    text = _HEAD.format(tag) + canonical_json(value)
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()


class ListHasher:
    """``content_sha256`` of a list of strings that is too long to be held."""

    def __init__(self, tag: str) -> None:
        self._sha256 = hashlib.sha256(f"{_HEAD.format(tag)}[".encode())
        self._separator = ""

    def add(self, text: str) -> None:
        """Take the next string of the list."""
        self._sha256.update(f"{self._separator}{canonical_json(text)}".encode())
        self._separator = ","

    def hexdigest(self) -> str:
        """The hash of the list as far as it goes."""
        finished = self._sha256.copy()
        finished.update(b"]")
        return finished.hexdigest()


def bytes_sha256(data: bytes) -> str:
    """SHA-256 (64 hex digits) of raw bytes, as stored beside every blob."""
    return hashlib.sha256(data).hexdigest()
