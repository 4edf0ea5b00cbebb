"""How near a choice of a token was to another one, and how far rounding alone moves it.

The margin of a greedy choice is the difference of the two best logits, in nats. That of a draw is
the least change of a probability that gives another token (``steering.sampling``). A text has the
least margin of its tokens.
"""

from vectorlab.domain.runs import Decoding, RunSpec

# By how many nats the difference of two logits moves where only rounding differs, at most. Between
# the default, AVX2 and AVX-512 kernels and one and two threads, over 512 contexts, it moved by up
# to 2e-5 (float32), 0.04 (float16) and 0.3 (bfloat16) in the bundled model, whose logits reach 21,
# and by less in random models of 6 and 12 layers. Deeper models round more often, and other
# devices otherwise. A number of bfloat16 has 8 bits: near 20 its neighbours are 0.125 apart.
ROUNDING_NATS = {"float32": 1e-3, "float16": 0.1, "bfloat16": 0.5}


def unit(decoding: Decoding) -> str:
    """Of the margins of a run: ``nats``, or ``probability`` where tokens are drawn."""
    return "probability" if decoding.do_sample else "nats"


def rounding_margin(spec: RunSpec) -> float:
    """The margin up to which rounding alone may give another token, in the run's unit.

    If logits move so that no two of them part by more than g nats, no probability at temperature
    T, and no boundary between two, moves by more than g / T of what the cut-offs leave.
    """
    nats = ROUNDING_NATS[spec.dtype]
    return nats / spec.decoding.temperature if spec.decoding.do_sample else nats


def is_fragile(spec: RunSpec, margin: float) -> bool:
    """Whether rounding alone may give another token where a choice had this margin."""
    return margin <= rounding_margin(spec)
