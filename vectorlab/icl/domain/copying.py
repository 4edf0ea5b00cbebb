"""How exactly softmax attention copies the neighbouring token, by its temperature.

With position codes that are all equally far apart, the code of the wanted neighbour has the score
1 and every other one -1 / (2N). Of the 2N tokens that are looked at, one is wanted, so the share of
the attention that goes elsewhere has a closed form and an inverse:

    leak = (2N - 1) e^(-g/T) / (1 + (2N - 1) e^(-g/T))        g = 1 + 1/(2N), T the temperature
"""

import math

from vectorlab.errors import InputError

LEAK = 1e-12  # what the default temperature lets through


def score_gap(n: int) -> float:
    """How far the score of the wanted neighbour lies above all others, for N demonstrations."""
    return 1 + 1 / (2 * n)


def leak_at(temperature: float, n: int) -> float:
    """The share of the attention that goes to other tokens than the wanted one.

    Args:
        temperature: That scores are divided by; positive.
        n: N, demonstrations per task.
    """
    others = (2 * n - 1) * math.exp(-score_gap(n) / temperature)
    return others / (1 + others)


def temperature_at(leak: float, n: int) -> float:
    """The temperature whose leak is this; inverse of ``leak_at``.

    Args:
        leak: Share of the attention, above 0 and below that of even attention, 1 - 1/(2N).
        n: N, demonstrations per task.

    Raises:
        InputError: If no temperature has such a leak.
    """
    most = 1 - 1 / (2 * n)
    if not 0 < leak < most:
        raise InputError(
            f"leak = {leak:g}; among {2 * n} tokens it lies between 0 and {most:.4g}, which is "
            "attention to all alike."
        )
    return score_gap(n) / math.log((2 * n - 1) * (1 - leak) / leak)
