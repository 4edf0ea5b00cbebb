"""Character n-gram F-score against the reference.

Source: Popovic 2015, https://aclanthology.org/W15-3049; computed by sacrebleu.
"""

from sacrebleu.metrics.chrf import CHRF

from vectorlab.domain.scores import Item, Score
from vectorlab.evals.registry import ScoreText, TextScorer, needs_reference


def chrf() -> ScoreText:
    """ChrF of the text with its reference, 0 to 100."""
    metric = CHRF()

    def score(item: Item) -> Score:
        if item.reference is None:
            return needs_reference(item) or Score.of(0)
        found = metric.sentence_score(item.text, [item.reference])
        return Score.of(found.score, signature=str(metric.get_signature()))

    return score


SCORER = TextScorer(prepare=chrf)
