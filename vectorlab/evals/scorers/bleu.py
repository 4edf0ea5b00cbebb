"""Sentence BLEU against the reference.

Source: Papineni et al. 2002, https://aclanthology.org/P02-1040; computed by sacrebleu.
"""

from sacrebleu.metrics.bleu import BLEU

from vectorlab.domain.scores.scores import Score
from vectorlab.evals.registry import ScoreText, TextScorer, against_reference


def bleu() -> ScoreText:
    """0 to 100, with the smoothing and tokens of sacrebleu's defaults for sentences."""
    metric = BLEU(effective_order=True)

    def score(text: str, reference: str) -> Score:
        bleu_score = metric.sentence_score(text, [reference])
        return Score.of(bleu_score.score, signature=str(metric.get_signature()))

    return against_reference(score)


SCORER = TextScorer(prepare=bleu)
