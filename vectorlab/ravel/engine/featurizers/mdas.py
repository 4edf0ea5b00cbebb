"""Multi-task DAS: as ``das``, and prompts for other attributes are to keep the base's answer.

    loss = CE(own prompts, source's answer) + isolate * CE(others' prompts, base's answer)

Source: Huang et al. 2024, https://arxiv.org/abs/2402.17700
"""

from vectorlab.ravel.engine.featurizers.base import Fitted, Maker, Task
from vectorlab.ravel.engine.featurizers.das import fit_rotation
from vectorlab.ravel.engine.featurizers.subspace import load
from vectorlab.ravel.engine.training import Objective


def fit(task: Task) -> Fitted:
    """Train to change the attribute and to leave the others alone."""
    return fit_rotation(task, Objective(isolate=task.parameters["isolate"]))


MAKER = Maker(fit=fit, load=load)
