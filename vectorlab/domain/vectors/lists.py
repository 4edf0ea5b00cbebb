"""What a list of vectors says of each beside its record."""

from dataclasses import dataclass

CHANCE = 0.5  # accuracy of a guess between sources and targets
NEAR_CHANCE = 0.6  # accuracy up to which a vector is said to tell little apart


@dataclass(frozen=True, kw_only=True)
class MostSeparable:
    """The layer along which unseen sources and targets come apart best."""

    layer: int
    accuracy: float  # held out; ``CHANCE`` is a guess

    @property
    def is_near_chance(self) -> bool:
        """Whether a guess does about as well."""
        return self.accuracy <= NEAR_CHANCE


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """The strength that a calibration found, and by what."""

    strength: float
    is_met: bool  # False: no strength kept within the budget
    effect: str  # label of the scorer
    effect_value: float | None
    damage: str  # label of the scorer
    budget: float


@dataclass(frozen=True, kw_only=True)
class Merits:
    """What is known of a vector: how well it tells apart, at which strength, and who uses it."""

    separable: MostSeparable | None
    calibrated: Calibrated | None
    n_runs: int
