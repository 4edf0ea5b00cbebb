"""ROUGE F-measure against the reference.

Source: Lin 2004, https://aclanthology.org/W04-1013; computed by the package rouge-score.
"""

from vectorlab.domain.scores.scores import Score
from vectorlab.evals.registry import ScoreText, TextScorer, against_reference


def rouge(*, kind: str) -> ScoreText:
    """F-measure of ``rouge1``, ``rouge2`` or ``rougeL``, words stemmed, 0 to 1."""
    # Here, because it brings NLTK and SciPy, a second of every start that needs no score.
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer([kind], use_stemmer=True)

    def score(text: str, reference: str) -> Score:
        overlap = scorer.score(reference, text)[kind]
        return Score.of(overlap.fmeasure, precision=overlap.precision, recall=overlap.recall)

    return against_reference(score)


SCORER = TextScorer(prepare=rouge)
