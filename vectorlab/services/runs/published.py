"""What may be said of a stored run beside the published experiments that the examples go after."""

from collections.abc import Mapping

from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.published import Claim, claim
from vectorlab.domain.runs.runs import GenerationRun
from vectorlab.domain.vectors.vectors import ExtractionSpec
from vectorlab.services.sets import examples
from vectorlab.store.database import Database
from vectorlab.store.vectors import vectors


def claims(db: Database, run: GenerationRun) -> dict[str, Claim]:
    """By the labels of its arms what each is, those alone that steer with an example's vector.

    An example is told by the content of its set, so a set that somebody changed makes no claim.
    """
    extractions = _extractions(db, run)
    found = {}
    for arm in run.spec.arms:
        extraction = None if arm.is_baseline else extractions.get(_first_vector(arm))
        experiment = extraction and examples.of_content(extraction.set_sha256)
        if extraction and experiment:
            found[arm.label] = claim(experiment, extraction, run.spec, arm)
    return found


def in_words(claims: Mapping[str, Claim]) -> list[str]:
    """Each claim once, behind the arms that it is about."""
    arms: dict[str, list[str]] = {}
    for label, what in claims.items():
        arms.setdefault(str(what), []).append(label)
    return [f"{', '.join(labels)}: {words}" for words, labels in arms.items()]


def _extractions(db: Database, run: GenerationRun) -> dict[int | None, ExtractionSpec]:
    ids = set(run.spec.vector_ids().values())
    with db.read() as tx:
        specs = {number: vectors.extraction_spec(tx, number) for number in ids}
    return {number: spec for number, spec in specs.items() if spec is not None}


def _first_vector(arm: Arm) -> int | None:
    return arm.interventions[0].vector_id if arm.interventions else None
