"""How a vector acts, in a run, a sweep or a calibration."""

from dataclasses import dataclass
from typing import Any

from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.models import Model
from vectorlab.domain.vectors.vectors import Site, SteeringVector
from vectorlab.services.vectors.belonging import owner_if_other
from vectorlab.services.vectors.thresholds import parse_condition
from vectorlab.services.vectors.usual import UsualUse, usual_use
from vectorlab.store.database import Database


@dataclass(frozen=True, kw_only=True)
class VectorOptions:
    """How a vector acts.

    Attributes:
        operator: How it changes a state; None takes the vector's own.
        site: Where in a block it acts; None takes the vector's own.
        positions: Tokens that are steered; None takes those of the vector's convention, all
            without one.
        schedule: How strength changes as a text grows.
        when: A condition such as ``"upbeat@4 cosine > 0.2"`` or ``"search:3"``; None is always.
    """

    operator: Operator | None = None
    site: Site | None = None
    positions: Positions | None = None
    schedule: Schedule = Schedule.CONSTANT
    when: str | None = None

    def usual(self, db: Database, vector: SteeringVector) -> UsualUse:
        """How the vector is applied under the operator where nothing else is said."""
        return usual_use(db, vector, Operator(self.operator or vector.operator))

    def acting(self, db: Database, model: Model, vector: SteeringVector) -> dict[str, Any]:
        """The fields of an intervention, or of a calibration, that say which vector acts and how.

        Raises:
            NotFoundError: If the condition names a vector or a search that does not exist.
            InputError: If it cannot be read, or does not go with the model.
        """
        return {
            "vector_id": vector.id,
            "vector_sha256": vector.content_sha256,
            "vector_model": owner_if_other(db, vector, model),
            "operator": Operator(self.operator or vector.operator),
            "site": self.site or vector.write_site,
            "positions": self.positions or self.usual(db, vector).positions,
            "schedule": self.schedule,
            "condition": None if self.when is None else parse_condition(db, model, self.when),
        }
