"""Character n-gram F-score against the reference.

Source: Popovic 2015, https://aclanthology.org/W15-3049; computed by sacrebleu.
"""

from sacrebleu.metrics.chrf import CHRF

from vectorlab.domain.scores.scores import Score, TextItem
from vectorlab.evals.registry import ScoreText, TextScorer, needs_reference


def chrf() -> ScoreText:
    """ChrF of the text with its reference, 0 to 100."""
    metric = CHRF()

    def score(generation: TextItem) -> Score:
        if generation.reference is None:
            return needs_reference(generation) or Score.of(0)
        chrf_score = metric.sentence_score(generation.text, [generation.reference])
        return Score.of(chrf_score.score, signature=str(metric.get_signature()))

    return score


SCORER = TextScorer(prepare=chrf)
