"""Numbers as the bytes that are stored: four of each number, little-endian, nothing else.

For the few numbers of one text; arrays go through NumPy.
"""

import struct
from collections.abc import Sequence


def pack_floats(values: Sequence[float]) -> bytes:
    """Bytes of numbers in single precision."""
    return struct.pack(f"<{len(values)}f", *values)


def read_floats(data: bytes) -> tuple[float, ...]:
    """The numbers that ``pack_floats`` packed."""
    return struct.unpack(f"<{len(data) // 4}f", data)


def pack_ids(token_ids: Sequence[int]) -> bytes:
    """Bytes of token ids."""
    return struct.pack(f"<{len(token_ids)}i", *token_ids)


def read_ids(data: bytes) -> tuple[int, ...]:
    """The token ids that ``pack_ids`` packed."""
    return struct.unpack(f"<{len(data) // 4}i", data)
