"""Character n-gram F-score against the reference.

Source: Popovic 2015, https://aclanthology.org/W15-3049; computed by sacrebleu.
"""

from sacrebleu.metrics.chrf import CHRF

from vectorlab.domain.scores.scores import Score
from vectorlab.evals.registry import ScoreText, TextScorer, against_reference


def chrf() -> ScoreText:
    """ChrF of the text with its reference, 0 to 100."""
    metric = CHRF()

    def score(text: str, reference: str) -> Score:
        chrf_score = metric.sentence_score(text, [reference])
        return Score.of(chrf_score.score, signature=str(metric.get_signature()))

    return against_reference(score)


SCORER = TextScorer(prepare=chrf)
