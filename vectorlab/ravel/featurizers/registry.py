"""The featurizers by name; ``domain.ravel_runs`` says the same of them without torch."""

from collections.abc import Callable
from dataclasses import dataclass

from vectorlab.ravel.featurizers import das, dbm, full, mdas, mdbm, pca, rlap, sae
from vectorlab.ravel.featurizers.base import Featurizer, Fitted, Task, Tensors


@dataclass(frozen=True, kw_only=True)
class Maker:
    """How a featurizer comes to be."""

    fit: Callable[[Task], Fitted]
    load: Callable[[Tensors], Featurizer]


MAKERS: dict[str, Maker] = {
    "full": Maker(fit=full.fit, load=full.load),
    "pca": Maker(fit=pca.fit, load=pca.load),
    "rlap": Maker(fit=rlap.fit, load=rlap.load),
    "dbm": Maker(fit=dbm.fit, load=dbm.load),
    "mdbm": Maker(fit=mdbm.fit, load=mdbm.load),
    "das": Maker(fit=das.fit, load=das.load),
    "mdas": Maker(fit=mdas.fit, load=mdas.load),
    "sae": Maker(fit=sae.fit, load=sae.load),
}
