"""Multi-task DBM: as ``dbm``, and prompts for other attributes are to keep the base's answer.

Source: Huang et al. 2024, https://arxiv.org/abs/2402.17700
"""

from vectorlab.ravel.engine.featurizers.base import Fitted, Maker, Task
from vectorlab.ravel.engine.featurizers.dbm import fit_mask, load
from vectorlab.ravel.engine.training import Objective


def fit(task: Task) -> Fitted:
    """Train to change the attribute and to leave the others alone."""
    return fit_mask(task, Objective(isolate=task.parameters["isolate"]))


MAKER = Maker(fit=fit, load=load)
