"""How strongly a vector is applied where nobody says, and from where that is known."""

from dataclasses import dataclass

from vectorlab.domain.interventions.calibration import Calibration
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.models import Model
from vectorlab.domain.vectors.vectors import SteeringVector
from vectorlab.services.runs.arms import SweepOptions
from vectorlab.services.vectors import calibrations
from vectorlab.services.vectors.thresholds import parse_condition
from vectorlab.store.database import Database

_SLACK = 1.01  # a calibration knows the limit this closely
_SLIGHT = 5e-4  # of a strength: four digits are shown


@dataclass(frozen=True, kw_only=True)
class UsualStrength:
    """The strength of a vector where nobody says another."""

    strength: float
    unit: float = 1.0  # of it in the operator's own; a calibrated one, where those are counted in
    first_guess: str = ""  # whose it is where no calibration says it
    calibration: Calibration | None = None

    @property
    def limit(self) -> float | None:
        """The strongest that is known to keep within the budget; None where nothing is known."""
        if self.calibration is None:
            return None
        limit: float = self.calibration.evidence.get("limit", self.calibration.strength)
        return limit / self.unit

    @property
    def knows_limit(self) -> bool:
        """Whether something beyond the limit was tried, and did more than the budget."""
        known = self.calibration is not None and self.calibration.evidence.get("limit_is_reached")
        return bool(known)

    def is_beyond(self, strength: float) -> bool:
        """Whether that strength is known to do more damage than the budget allows."""
        if self.limit is None or not self.knows_limit or strength * self.limit <= 0:
            return False
        return abs(strength) > abs(self.limit) * _SLACK

    def in_words(self, strength: float) -> str:
        """Where a strength stands: what is known of it, and what is not."""
        if self.calibration is None:
            return f"Not calibrated here; {self.strength:+.4g} is {self.first_guess}."
        spec, unit = self.calibration.spec, self.unit
        budget = f"{spec.damage.label} {spec.budget:g}"
        if self.is_beyond(strength):
            return f"Beyond the budget: from about {self.limit:+.4g} on it does more than {budget}."
        apart = abs(strength * unit - self.calibration.strength)
        if apart <= _SLIGHT * abs(self.calibration.strength):
            return f"Calibrated: {calibrations.in_words(self.calibration)}"
        said = f"Calibrated at {self.calibration.strength / unit:+.4g}, within {budget}"
        turned = strength * self.calibration.strength < 0
        return said + ("; the other way was not measured." if turned else ".")


def usual_strength(
    db: Database, vector: SteeringVector, model: Model, options: SweepOptions
) -> UsualStrength:
    """The strength of a vector where nobody says another, and where it comes from.

    It is the calibrated one, of a calibration on that model, by that operator, at that site, on
    those layers and tokens; without one, what is usual under the operator. Where strengths count
    in the calibrated one it is 1.

    Args:
        db: The store.
        vector: The vector.
        model: The model that it steers.
        options: How it acts.

    Raises:
        InputError: If the condition of the options cannot be read.
        NotFoundError: If it names a vector or a search that does not exist.
        IntegrityError: If the calibration was altered.
    """
    operator = Operator(options.operator or vector.operator)
    usual = options.usual(db, vector)
    found = calibrations.counting(
        db,
        vector,
        model,
        operator=operator,
        site=options.site or vector.write_site,
        layers=options.layers_meant(db, model, vector),
        schedule=options.schedule,
        condition=None if options.when is None else parse_condition(db, model, options.when),
        positions=None if options.calibrated else options.positions or usual.positions,
    )
    if found is not None:
        unit = found.strength if options.calibrated else 1.0
        return UsualStrength(strength=found.strength / unit, unit=unit, calibration=found)
    guess = (
        f"the first guess of {operator}"
        if usual.convention is None
        else f"what {usual.convention} takes"
    )
    return UsualStrength(strength=1.0 if options.calibrated else usual.strength, first_guess=guess)
