"""How far steering moves what the model would say next.

The mean over the tokens of a text of KL(unsteered || steered), both models reading the same text
behind the same prompt. The text is the unsteered one unless told: then every strength is measured
on the same tokens.
"""

from vectorlab.domain.scores.divergence import KL
from vectorlab.evals.divergences import divergence_scorer

SCORER = divergence_scorer(KL.FORWARD)
