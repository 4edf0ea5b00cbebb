"""Polarity of English by a lexicon that comes with its package.

Source: Hutto and Gilbert 2014, https://doi.org/10.1609/icwsm.v8i1.14550; computed by
vaderSentiment. It knows words and emoji, not what is meant: irony counts as it is written.
"""

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from vectorlab.domain.scores.scores import Score, TextItem
from vectorlab.evals.registry import ScoreText, TextScorer


def sentiment() -> ScoreText:
    """The compound polarity, -1 to 1; 0 where the lexicon knows no word."""
    analyser = SentimentIntensityAnalyzer()

    def score(generation: TextItem) -> Score:
        if not generation.text.strip():
            return Score.missing("the text is empty")
        polarity = analyser.polarity_scores(generation.text)
        shares = {name: polarity[name] for name in ("neg", "neu", "pos")}
        return Score.of(polarity["compound"], **shares)

    return score


SCORER = TextScorer(prepare=sentiment)
