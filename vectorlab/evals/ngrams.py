"""N-grams of words, for repetition and variety."""

from collections.abc import Callable

from vectorlab.domain.scores.scores import Score, TextItem
from vectorlab.domain.text.degenerate import word_ngrams
from vectorlab.errors import InputError
from vectorlab.evals.registry import ScoreText


def score_variety(n: int, score_of: Callable[[float], float]) -> ScoreText:
    """A scorer by the share of different n-grams among all n-grams of a text.

    Args:
        n: Words of an n-gram.
        score_of: The score that such a share, from above 0 to 1, is worth.

    Raises:
        InputError: If n is below 1.
    """
    if n < 1:
        raise InputError(f"n is {n}; an n-gram has 1 word or more.")

    def score(generation: TextItem) -> Score:
        ngrams = word_ngrams(generation.text, n)
        if not ngrams:
            return Score.missing(f"the text has fewer than {n} words")
        return Score.of(score_of(len(set(ngrams)) / len(ngrams)), ngrams=len(ngrams))

    return score
