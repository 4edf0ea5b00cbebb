"""Strengths as people type them; a comma is read where it can mean one thing alone."""

import math
import re

from vectorlab.errors import InputError

_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+")


def parse_strength(text: str) -> float:
    """Read ``0.1``, ``1e-9`` or, with a decimal comma, ``0,1`` as one strength.

    Raises:
        InputError: If it is no finite number.
    """
    word = text.strip().replace("\N{MINUS SIGN}", "-")
    if _DECIMAL_COMMA.fullmatch(word):
        word = word.replace(",", ".")
    strength = _number(word)
    if strength is None:
        raise InputError(f"Strength {text.strip()!r} is no number. Write for example 0.1")
    return strength


def parse_strengths(text: str, *, example: str) -> tuple[float, ...]:
    """Read ``0.05 0.1`` or ``0.05, 0.1`` as strengths.

    Raises:
        InputError: If one is no finite number, or commas may be decimal ones as well.
    """
    for word in text.split():
        if _DECIMAL_COMMA.fullmatch(word):
            raise InputError(
                f"{word!r} among the strengths may mean {word.replace(',', '.')} or "
                f"{word.replace(',', ' and ')}. Write decimals with a point, and spaces between "
                f"strengths: {example}"
            )
    words = text.replace("\N{MINUS SIGN}", "-").replace(",", " ").split()
    strengths = [number for number in map(_number, words) if number is not None]
    if len(strengths) < len(words):
        raise InputError(f"Strengths {text!r} are not numbers. Write for example: {example}")
    return tuple(strengths)


def _number(word: str) -> float | None:
    try:
        number = float(word)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
