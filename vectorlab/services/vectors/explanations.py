"""Which demonstrations matter: alignment with the vector, and the vector without each of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from vectorlab.domain.jobs.jobs import PRIORITY_BATCH
from vectorlab.domain.jobs.requests import ExplainRequest
from vectorlab.domain.vectors.explanations import DemonstrationPull, Explanation
from vectorlab.domain.vectors.methods import METHODS
from vectorlab.domain.vectors.vectors import ExtractionSpec, Origin, SteeringVector
from vectorlab.errors import InputError
from vectorlab.services.asking import Asked, ask, job_reader
from vectorlab.store.database import Database, Transaction
from vectorlab.store.vectors import explanations, vectors

DEFAULT_LIMIT = 5
Figure = Literal["alignment", "norm_change", "cosine"]  # what there is per layer


@dataclass(frozen=True, kw_only=True)
class VectorExplanation:
    """The demonstrations of a vector that stand out."""

    vector: SteeringVector
    layers: list[int]  # what the per-layer figures belong to
    strongest: list[DemonstrationPull]  # highest mean cosine first
    weakest: list[DemonstrationPull]  # of those not negative and not among the strongest
    contrary: list[DemonstrationPull]  # negative mean cosine, lowest first
    n_contrary: int
    explanation: Explanation | None  # of the leave-one-out study, if there is one
    largest_shift: list[DemonstrationPull]  # leaving them out moves the vector most


def explain(db: Database, reference: str, *, limit: int = DEFAULT_LIMIT) -> VectorExplanation:
    """The strongest, the weakest and the contrary demonstrations of a vector.

    Args:
        db: The store.
        reference: Name, id or content hash prefix.
        limit: Most demonstrations of each kind.

    Raises:
        NotFoundError: If there is no such vector.
        InputError: If the vector was not extracted, or the limit is not positive.
    """
    if limit < 1:
        raise InputError(f"--limit is {limit}; it must be 1 or more.")
    with db.read() as tx:
        vector = _extracted(tx, reference)
        strongest = explanations.pulls(
            tx, vector.id, order="strongest", contrary=False, limit=limit
        )
        shown = {pull.position for pull in strongest}
        weakest = explanations.pulls(tx, vector.id, order="weakest", contrary=False, limit=limit)
        explanation = explanations.find_explanation(tx, vector.id)
        return VectorExplanation(
            vector=vector,
            layers=[info.layer for info in vectors.layer_infos(tx, vector.id)],
            strongest=strongest,
            weakest=[pull for pull in weakest if pull.position not in shown],
            contrary=explanations.pulls(tx, vector.id, order="weakest", contrary=True, limit=limit),
            n_contrary=explanations.count_contrary(tx, vector.id),
            explanation=explanation,
            largest_shift=[]
            if explanation is None
            else explanations.pulls(tx, vector.id, order="largest_shift", limit=limit),
        )


def request_leave_one_out(
    db: Database, reference: str, *, actor: str, priority: int = PRIORITY_BATCH
) -> Asked[Explanation]:
    """Find the leave-one-out study of a vector, or enqueue it.

    Args:
        db: The store.
        reference: Name, id or content hash prefix.
        actor: Recorded as the one who asked.
        priority: Of the job.

    Raises:
        NotFoundError: If there is no such vector.
        InputError: If the vector was not extracted, or too few demonstrations are left.
    """
    with db.write() as tx:
        vector = _extracted(tx, reference)
        _check_enough(vector, vectors.extraction_spec(tx, vector.id))
        return ask(
            tx,
            ExplainRequest(vector_id=vector.id, model_id=vector.model_id),
            found=explanations.find_explanation(tx, vector.id),
            read=job_reader(db, "vector_id", explanations.get_explanation),
            actor=actor,
            priority=priority,
        )


def frame(db: Database, reference: str, *, layers: bool = False) -> pd.DataFrame:
    """One row per demonstration, in the order of the set version.

    Columns are ``position``, ``source``, ``target`` and ``alignment`` (mean cosine); with a
    leave-one-out study also ``norm_change``, ``cosine`` and ``shift``. ``layers`` adds the same
    per layer, as ``alignment@3``.
    """
    with db.read() as tx:
        vector = _extracted(tx, reference)
        pulls = explanations.pulls(tx, vector.id)
        numbers = [info.layer for info in vectors.layer_infos(tx, vector.id)]
    return pulls_frame(pulls, layers=numbers if layers else ())


def pulls_frame(pulls: Sequence[DemonstrationPull], *, layers: Sequence[int] = ()) -> pd.DataFrame:
    """Demonstrations as rows; columns are those of ``frame``."""
    studied = [pull.left_out for pull in pulls if pull.left_out is not None]
    columns: dict[str, object] = {
        "position": [pull.position for pull in pulls],
        "alignment": [pull.alignment for pull in pulls],
        "source": [pull.source for pull in pulls],
        "target": [pull.target for pull in pulls],
    }
    if studied:
        columns |= {
            "norm_change": [pull.norm_change for pull in studied],
            "cosine": [pull.cosine for pull in studied],
            "shift": [pull.shift for pull in studied],
        }
    for place, layer in enumerate(layers):
        columns[f"alignment@{layer}"] = [pull.cosines[place] for pull in pulls]
        if studied:
            columns[f"norm_change@{layer}"] = [pull.norm_changes[place] for pull in studied]
            columns[f"cosine@{layer}"] = [pull.cosines[place] for pull in studied]
    return pd.DataFrame(columns)


def layers_frame(
    pulls: Sequence[DemonstrationPull], layers: Sequence[int], figure: Figure
) -> pd.DataFrame:
    """One row per layer, one column per demonstration, named by its position."""
    columns: dict[str, Sequence[float]] = {}
    for pull in pulls:
        study = pull.left_out
        if figure == "alignment":
            columns[f"#{pull.position}"] = pull.cosines
        elif study is not None:
            values = study.cosines if figure == "cosine" else study.norm_changes
            columns[f"#{pull.position}"] = values
    return pd.DataFrame({"layer": list(layers), **columns})


def states_note(explanation: Explanation) -> str:
    """Where the states of a study came from, in one sentence."""
    about = explanation.environment
    reused, computed = about.get("states_reused", 0), about.get("states_computed", 0)
    if not computed:
        return f"From the kept states of {reused} texts; no forward pass."
    return (
        f"The states of {computed} of {reused + computed} texts were not kept any more and were "
        "computed once more."
    )


def _extracted(tx: Transaction, reference: str) -> SteeringVector:
    vector = vectors.get_vector(tx, reference)
    if vector.origin is Origin.EXTRACTED:
        return vector
    parents = [
        vectors.vector_by_id(tx, parent.vector_id) for parent in vectors.parents(tx, vector.id)
    ]
    cure = f" Explain its parents: vectorlab vectors explain {parents[0].name}" if parents else ""
    raise InputError(
        f"Vector {vector.name!r} was {vector.origin}, not extracted: no demonstrations of its own "
        f"are on record.{cure}"
    )


def _check_enough(vector: SteeringVector, spec: ExtractionSpec | None) -> None:
    have = vector.n_demonstrations or 0
    known = None if spec is None else METHODS.get(spec.method)
    needed = 1 if known is None else known.minimum_pairs
    if have - 1 < needed:
        raise InputError(
            f"Vector {vector.name!r} has {have} demonstrations and method {vector.method!r} needs "
            f"{needed}: without one of them there is no vector. Extract it from a larger set: "
            f"vectorlab sets show {vector.set_label}"
        )
