"""Principal components of standardised states, those that an L1 classifier picks.

With mean m and standard deviation s per dimension, and chosen components C (K x D):

    x = b + s * (C^T C) ((source - b) / s)

Against the published code, which adds the standardised difference to the unstandardised base and
scales the sum, an edit whose source is the base gives the base back.

Source: explanare/ravel, src/methods/pca.py
"""

import torch

from vectorlab.domain.ties import TOLERANCE
from vectorlab.ravel.engine.featurizers.base import Fitted, Maker, Task, Tensors
from vectorlab.ravel.engine.featurizers.selection import informative


class PrincipalComponents:
    """Swaps chosen principal components of standardised states.

    Args:
        scale: (D,) float32, standard deviation of every dimension.
        components: (K, D) float32, orthonormal rows.
    """

    def __init__(self, scale: torch.Tensor, components: torch.Tensor) -> None:
        self._scale = scale  # (D,)
        self._components = components  # (K, D), orthonormal rows

    @property
    def n_features(self) -> int:
        """How many components are swapped."""
        return len(self._components)

    def edit(self, base: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        """Put the source's part along the components into the base states.

        Args:
            base: (M, D) float32, states of the run that is edited.
            source: (M, D) float32, states to copy from.

        Returns:
            (M, D) float32.
        """
        scale, rows = self._scale.to(base.device), self._components.to(base.device)
        return base + scale * (((source - base) / scale) @ rows.T @ rows)

    def tensors(self) -> Tensors:
        """What is stored: ``scale``, (D,), and ``components``, (K, D), float32."""
        return {"scale": self._scale, "components": self._components}


def fit(task: Task) -> Fitted:
    """Components of the labelled states, picked by how well they tell the attribute."""
    labelled = task.labelled()
    states = labelled.states.double()
    mean, scale = states.mean(dim=0), states.std(dim=0).clamp(min=1e-6)
    standard = (states - mean) / scale
    _, sizes, rows = torch.linalg.svd(standard, full_matrices=False)
    rows = rows[sizes > sizes[0] * TOLERANCE]  # what rounding leaves is no component
    features = standard @ rows.T
    features = features / features.std(dim=0).clamp(min=1e-12)
    chosen = informative(
        features,
        labelled.values,
        inverse_penalty=task.parameters["inverse_penalty"],
        k=task.k,
        seed=task.seed,
    )
    components = PrincipalComponents(scale.float(), rows[chosen].float())
    return Fitted(featurizer=components, measures={"components": float(len(rows))})


def load(tensors: Tensors) -> PrincipalComponents:
    """The components that were stored.

    Args:
        tensors: As ``PrincipalComponents.tensors`` has them.
    """
    return PrincipalComponents(tensors["scale"], tensors["components"])


MAKER = Maker(fit=fit, load=load)
