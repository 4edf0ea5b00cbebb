"""Whether a regular expression matches a text."""

import regex as expressions

from vectorlab.domain.scores.scores import Score, TextItem
from vectorlab.errors import InputError
from vectorlab.evals.registry import ScoreText, TextScorer

TIMEOUT_S = 2.0  # of one match; some patterns never end on some texts


def regex(*, pattern: str) -> ScoreText:
    """1 if the pattern matches somewhere, else 0; a match that takes too long is missing.

    Raises:
        InputError: If it is no regular expression.
    """
    try:
        compiled = expressions.compile(pattern)
    except expressions.error as exc:
        raise InputError(f"{pattern!r} is no regular expression: {exc}.") from exc

    def score(generation: TextItem) -> Score:
        try:
            match = compiled.search(generation.text, timeout=TIMEOUT_S)
        except TimeoutError:
            return Score.missing(f"the match was stopped after {TIMEOUT_S:g} s")
        return Score.of(float(match is not None), match=match and match.group())

    return score


SCORER = TextScorer(prepare=regex)
