"""How much a text repeats itself."""

from vectorlab.domain.scores.scores import Score, TextItem
from vectorlab.errors import InputError
from vectorlab.evals.ngrams import word_ngrams
from vectorlab.evals.registry import ScoreText, TextScorer


def repetition(*, n: int) -> ScoreText:
    """Share of the n-grams that stood in the text before, 0 to 1.

    Raises:
        InputError: If n is below 1.
    """
    if n < 1:
        raise InputError(f"n is {n}; an n-gram has 1 word or more.")

    def score(generation: TextItem) -> Score:
        ngrams = word_ngrams(generation.text, n)
        if not ngrams:
            return Score.missing(f"the text has fewer than {n} words")
        return Score.of(1 - len(set(ngrams)) / len(ngrams), ngrams=len(ngrams))

    return score


SCORER = TextScorer(prepare=repetition)
