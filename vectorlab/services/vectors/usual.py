"""How a vector is applied where nobody says: on which layers and tokens, and how strongly.

What is usual is looked up when something is asked for, and the layers that it names stand in the
request: a request that was made says the same for ever.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from vectorlab.domain.interventions.layer_ranges import LayerChoice, spell_layers
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.ties import first_best
from vectorlab.domain.vectors.conventions import Convention, UsualLayers
from vectorlab.domain.vectors.methods import EQUALISED
from vectorlab.domain.vectors.vectors import SteeringVector
from vectorlab.store.database import Database, Transaction
from vectorlab.store.vectors import vectors


@dataclass(frozen=True, kw_only=True)
class UsualUse:
    """How a vector is applied under an operator unless somebody says otherwise."""

    layers: tuple[int, ...] | None  # None: all it has
    reason: str  # why these, in words
    positions: Positions
    strength: float
    convention: Convention | None = None  # whose way of applying it this is

    def chosen(self, layers: LayerChoice) -> tuple[int, ...] | None:
        """The layers that are meant by a choice; None for all."""
        if layers == "all":
            return None
        return self.layers if layers is None else layers


def usual_use(db: Database, vector: SteeringVector, operator: Operator) -> UsualUse:
    """How a vector is applied under an operator unless somebody says otherwise.

    As the code does whose convention the vector was made by, if that applies it by this operator.
    Otherwise on one layer, of those where it is not zero, if what is written adds up over layers,
    and on all if it does not; a vector of equal damage on all, where its damage was measured.
    """
    with db.read() as tx:
        own = [part.layer for part in vectors.layer_infos(tx, vector.id) if part.norm > 0]
        convention = _convention(tx, vector)
        usual = None if convention is None else convention.info
        if usual is None or usual.operator is not operator:
            convention, usual = None, None
            adds_up = operator.info.adds_up and vector.method != EQUALISED
            kind = UsualLayers.ONE if adds_up else UsualLayers.ALL
        else:
            kind = usual.layers
        layers, reason = _layers(tx, vector, own, kind)
    return UsualUse(
        layers=layers,
        reason=reason,
        positions=Positions.ALL if usual is None else usual.positions,
        strength=operator.info.slider.start if usual is None else usual.strength,
        convention=convention,
    )


def in_words(
    vector: SteeringVector, operator: Operator, usual: UsualUse, *, is_calibrated: bool = False
) -> str:
    """What is usual as a sentence, and how to have every layer instead.

    Args:
        vector: The vector.
        operator: How it acts.
        usual: Where.
        is_calibrated: Strengths count in its calibrated one, and so on the layers of that.
    """
    if is_calibrated:
        return f"{vector.name}: {operator} at the layers it is calibrated on; or give --layers"
    where = "all its layers"
    if usual.layers is not None:
        where = f"layer{'s' * (len(usual.layers) > 1)} {spell_layers(usual.layers)}"
        where += f" of 0-{vector.n_layers - 1}, {usual.reason}"
    tokens = "" if usual.positions == Positions.ALL else f", tokens {usual.positions}"
    whose = "" if usual.convention is None else f", as {usual.convention} does"
    cure = "" if usual.layers is None else "; --layers all for every layer"
    return f"{vector.name}: {operator} at {where}{tokens}{whose}{cure}"


def _layers(
    tx: Transaction, vector: SteeringVector, own: Sequence[int], kind: UsualLayers
) -> tuple[tuple[int, ...] | None, str]:
    if kind is UsualLayers.ALL or len(own) < 2:
        return None, ""
    if kind is UsualLayers.INNER:
        return tuple(own[1:-1]) or (own[0],), "all but the first and the last"
    known = _separability(tx, vector)
    best = most_separable({layer: known[layer] for layer in own if layer in known})
    if best is None:
        return (own[len(own) // 2],), "the middle one: how its layers separate is not known"
    return (best,), f"the most separable ({known[best]:.2f})"


def most_separable(separability: dict[int, float]) -> int | None:
    """The layer whose held-out accuracy is highest, of equal ones that nearest the middle.

    Few pairs are often told apart without a mistake at many layers; None without any.
    """
    if not separability:
        return None
    layers = sorted(separability)
    middle = fmean(layers)
    nearest = sorted(layers, key=lambda layer: (abs(layer - middle), -layer))
    return nearest[first_best([separability[layer] for layer in nearest])]


def _convention(tx: Transaction, vector: SteeringVector) -> Convention | None:
    """By which a vector was made, or all that it was made of; one of equal damage by none."""
    if vector.method == EQUALISED:
        return None
    spec = vectors.extraction_spec(tx, vector.id)
    if spec is not None:
        return spec.convention
    found = {_convention(tx, parent) for parent in _parents(tx, vector)}
    return found.pop() if len(found) == 1 else None


def _separability(tx: Transaction, vector: SteeringVector) -> dict[int, float]:
    """Of every layer whose it is known; of a vector made of others their mean."""
    own = {
        part.layer: part.separability
        for part in vectors.layer_infos(tx, vector.id)
        if part.separability is not None
    }
    return own or _means(_separability(tx, parent) for parent in _parents(tx, vector))


def _parents(tx: Transaction, vector: SteeringVector) -> list[SteeringVector]:
    parents = vectors.parents(tx, vector.id)
    return [vectors.vector_by_id(tx, parent.vector_id) for parent in parents]


def _means(of_vectors: Iterable[dict[int, float]]) -> dict[int, float]:
    """Layer by layer, over those that know it."""
    values: dict[int, list[float]] = {}
    for known in of_vectors:
        for layer, value in known.items():
            values.setdefault(layer, []).append(value)
    return {layer: fmean(known) for layer, known in values.items()}
