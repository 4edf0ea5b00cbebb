"""Sentence BLEU against the reference.

Source: Papineni et al. 2002, https://aclanthology.org/P02-1040; computed by sacrebleu.
"""

from sacrebleu.metrics.bleu import BLEU

from vectorlab.domain.scores.scores import Score, TextItem
from vectorlab.evals.registry import ScoreText, TextScorer, needs_reference


def bleu() -> ScoreText:
    """0 to 100, with the smoothing and tokens of sacrebleu's defaults for sentences."""
    metric = BLEU(effective_order=True)

    def score(generation: TextItem) -> Score:
        if generation.reference is None:
            return needs_reference(generation) or Score.of(0)
        bleu_score = metric.sentence_score(generation.text, [generation.reference])
        return Score.of(bleu_score.score, signature=str(metric.get_signature()))

    return score


SCORER = TextScorer(prepare=bleu)
