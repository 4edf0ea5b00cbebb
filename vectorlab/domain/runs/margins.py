"""How near a choice of a token was to another one, and how far rounding alone moves it.

The margin of a greedy choice is the difference of the two best logits, in nats. That of a draw is
the least change of a probability that gives another token (``steering.generation.sampling``). A
text has the least margin of its tokens.
"""

import math

from vectorlab.domain.runs.runs import Decoding, RunSpec

# By how many nats the difference of two logits moves where only rounding differs, at most. Between
# the default, AVX2 and AVX-512 kernels and one and two threads, over 512 contexts, it moved by up
# to 2e-5 (float32), 0.04 (float16) and 0.3 (bfloat16) in the bundled model, whose logits reach 21,
# and by less in random models of 6 and 12 layers. Deeper models round more often, and other
# devices otherwise. A number of bfloat16 has 8 bits: near 20 its neighbours are 0.125 apart.
ROUNDING_NATS = {"float32": 1e-3, "float16": 0.1, "bfloat16": 0.5}


def unit(decoding: Decoding) -> str:
    """Of the margins of a run: ``nats``, or ``probability`` where tokens are drawn."""
    return "probability" if decoding.do_sample else "nats"


def probability_moved(nats: float, temperature: float) -> float:
    """How far a probability moves at most where no two logits move apart by more, in [0, 1).

    That of a set of tokens among the same others moves by at most ``tanh(nats / (4 temperature))``;
    where a token comes in or goes, by up to about twice that.
    """
    return math.tanh(nats / (2 * temperature))


def rounding_margin(spec: RunSpec) -> float:
    """The margin up to which rounding alone may give another token, in the run's unit."""
    nats, decoding = ROUNDING_NATS[spec.dtype], spec.decoding
    return probability_moved(nats, decoding.temperature) if decoding.do_sample else nats


def is_fragile(spec: RunSpec, margin: float) -> bool:
    """Whether rounding alone may give another token where a choice had this margin."""
    return margin <= rounding_margin(spec)
