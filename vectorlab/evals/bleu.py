"""Sentence BLEU against the reference.

Source: Papineni et al. 2002, https://aclanthology.org/P02-1040; computed by sacrebleu.
"""

from sacrebleu.metrics.bleu import BLEU

from vectorlab.domain.scores import Item, Score
from vectorlab.evals.registry import ScoreText, TextScorer, needs_reference


def bleu() -> ScoreText:
    """0 to 100, with the smoothing and tokens of sacrebleu's defaults for sentences."""
    metric = BLEU(effective_order=True)

    def score(item: Item) -> Score:
        if item.reference is None:
            return needs_reference(item) or Score.of(0)
        found = metric.sentence_score(item.text, [item.reference])
        return Score.of(found.score, signature=str(metric.get_signature()))

    return score


SCORER = TextScorer(prepare=bleu)
