"""Metadata of demonstrations: JSON values from whatever a file holds, and back."""

import json
import math
from collections import Counter
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any

from vectorlab.errors import InputError
from vectorlab.services.sets.files.limits import DEPTH_LIMIT, METADATA_LIMIT

_INTEGER_BITS = 14_280  # Python itself reads and writes no more than 4,300 digits


class RefusedValueError(ValueError):
    """A value is JSON to a lenient parser but cannot be kept; has no place in a file yet."""


def metadata_text(metadata: Mapping[str, Any]) -> str:
    """One JSON object on one line, the same for equal metadata."""
    return _ENCODER.encode(metadata)


def json_value(value: Any, depth: int = 1) -> Any:
    """A value as JSON types; dates become text.

    Raises:
        RefusedValueError: If JSON has nothing like it, or it is nested too deeply.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        if value.bit_length() > _INTEGER_BITS:
            raise RefusedValueError("an integer has too many digits")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise RefusedValueError(f"{value} is not JSON and cannot be stored")
        return value
    if depth > DEPTH_LIMIT:
        raise RefusedValueError(f"nested more than {DEPTH_LIMIT} levels deep")
    if isinstance(value, Mapping):
        return {str(key): json_value(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(inner, depth + 1) for inner in value]
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise RefusedValueError(f"{type(value).__name__} cannot be kept as JSON")


def parse_json(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        json.JSONDecodeError: If it is not JSON; knows where.
        RefusedValueError: If a key comes twice in an object, or a value cannot be kept.
    """
    return guarded(lambda: DECODER.decode(text))


def guarded(parse: Any) -> Any:
    """What ``parse`` returns; the parser's other errors become ``RefusedValueError``.

    Raises:
        RefusedValueError: If the value is nested too deeply or a number has too many digits.
        json.JSONDecodeError: If the text is no JSON.
    """
    try:
        return parse()
    except (json.JSONDecodeError, RefusedValueError):
        raise
    except RecursionError as exc:
        raise RefusedValueError("nested too deeply") from exc
    except ValueError as exc:  # int() refuses thousands of digits
        raise RefusedValueError("an integer has too many digits") from exc


def check_metadata(metadata: Mapping[str, Any]) -> None:
    """Refuse metadata that no file could give back.

    Raises:
        InputError: If it is nested too deeply, or too long.
    """
    try:
        length = len(metadata_text(json_value(metadata)))
    except RefusedValueError as exc:
        raise InputError(f"Metadata {exc}.") from exc
    if length > METADATA_LIMIT:
        raise InputError(f"Metadata of {length} characters; files hold {METADATA_LIMIT} at most.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        [(twice, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise RefusedValueError(f"key {twice!r:.80} appears twice in one object")
    return unique


def _refuse_constant(name: str) -> None:
    raise RefusedValueError(f"{name} is not JSON and cannot be stored; write null")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise RefusedValueError(f"the number {text:.40} is too large")
    return value


_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, allow_nan=False)
DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite
)
