"""Whether a text is the wanted one."""

from vectorlab.domain.scores.scores import Score
from vectorlab.evals.registry import ScoreText, TextScorer, against_reference


def exact(*, ignore_case: bool) -> ScoreText:
    """1 if text and reference are equal, outer spaces aside, else 0."""

    def score(text: str, reference: str) -> Score:
        text, reference = text.strip(), reference.strip()
        if ignore_case:
            text, reference = text.casefold(), reference.casefold()
        return Score.of(float(text == reference))

    return against_reference(score)


SCORER = TextScorer(prepare=exact)
