"""How far steering moves what the model says next, looked at from what it says when steered.

The mean over the tokens of a text of KL(steered || unsteered): what ``--kl`` measures while a text
is generated and what a vector is equalised to, for any text.
"""

from vectorlab.domain.scores.divergence import KL
from vectorlab.evals.divergences import divergence_scorer

SCORER = divergence_scorer(KL.REVERSE)
