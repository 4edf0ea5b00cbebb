"""JSON files as Python objects of the expected shape."""

import json
from pathlib import Path
from typing import Any

from vectorlab.errors import InputError
from vectorlab.ravel.domain.entities import Split


def read_json(path: Path) -> Any:
    """The parsed file.

    Raises:
        InputError: If it cannot be read, or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise InputError(f"{path} cannot be read: {exc.strerror or exc}.") from exc
    except UnicodeDecodeError as exc:
        raise InputError(f"{path} is not UTF-8, byte {exc.start}.") from exc
    except (ValueError, RecursionError) as exc:
        raise InputError(f"{path} is no JSON: {exc}.") from exc


def json_object(path: Path) -> dict[str, Any]:
    """The parsed file, which holds one object.

    Raises:
        InputError: If it holds something else.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError(f"{path} holds a {type(content).__name__}; an object is expected.")
    return content


def text_of(where: str, value: object) -> str:
    """The value itself, if it is a text.

    Raises:
        InputError: Naming where it stands.
    """
    if not isinstance(value, str):
        raise InputError(f"{where} is {value!r}; a text is expected.")
    return value


def split_of(where: str, value: object) -> Split:
    """The split of that name.

    Raises:
        InputError: Naming where it stands.
    """
    try:
        return Split(text_of(where, value).strip())
    except ValueError as exc:
        known = ", ".join(Split)
        raise InputError(f"{where} has split {value!r}; expected one of {known}.") from exc
