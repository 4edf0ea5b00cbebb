"""How much a text repeats itself."""

from vectorlab.evals.ngrams import score_variety
from vectorlab.evals.registry import ScoreText, TextScorer


def repetition(*, n: int) -> ScoreText:
    """Share of the n-grams that stood in the text before, 0 to 1.

    Raises:
        InputError: If n is below 1.
    """
    return score_variety(n, lambda share: 1 - share)


SCORER = TextScorer(prepare=repetition)
