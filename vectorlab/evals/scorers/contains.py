"""Whether a text contains a string."""

from vectorlab.domain.scores.scores import Score
from vectorlab.evals.registry import ScoreText, TextScorer, against_reference


def contains(*, string: str | None, ignore_case: bool) -> ScoreText:
    """1 if the string, or without one the reference, stands in the text, else 0."""

    def score(text: str, needle: str) -> Score:
        if ignore_case:
            text, needle = text.casefold(), needle.casefold()
        return Score.of(float(needle in text))

    if string is None:
        return against_reference(score)
    return lambda generation: score(generation.text, string)


SCORER = TextScorer(prepare=contains)
