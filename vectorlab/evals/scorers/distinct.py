"""How varied a text is (distinct-n).

Source: Li et al. 2016, https://arxiv.org/abs/1510.03055, section 5.3.
"""

from vectorlab.evals.ngrams import score_variety
from vectorlab.evals.registry import ScoreText, TextScorer


def distinct(*, n: int) -> ScoreText:
    """Different n-grams over all n-grams, 0 to 1.

    Raises:
        InputError: If n is below 1.
    """
    return score_variety(n, lambda share: share)


SCORER = TextScorer(prepare=distinct)
