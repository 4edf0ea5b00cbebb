"""What a vector has to be better than, as ordinary vectors and arms.

A random direction of the same norms, a vector of the same texts whose sides were drawn by lot, and
the demonstrations themselves in front of the prompt.
"""

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np

from vectorlab.domain.defaults import DEFAULT_TEMPLATE
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.jobs.jobs import DEFAULT_QUEUE, PRIORITY_BATCH
from vectorlab.domain.models import Model
from vectorlab.domain.sets.versions import SHUFFLED_FROM, Demonstration
from vectorlab.domain.vectors.methods import RANDOM_DIRECTION
from vectorlab.domain.vectors.vectors import (
    ExtractionSpec,
    LayerVector,
    NewVector,
    Origin,
    ParentWeight,
    SteeringVector,
    derived_request_sha256,
)
from vectorlab.errors import ConflictError, InputError, NotFoundError
from vectorlab.services.asking import Asked
from vectorlab.services.sets import sets as set_services
from vectorlab.services.vectors.vectors import ExtractionOptions, request_extraction
from vectorlab.store import audit
from vectorlab.store.database import Database, Transaction
from vectorlab.store.sets import sets
from vectorlab.store.vectors import vectors

_NUMBER_OF_TRIES = 100


def random_direction(db: Database, reference: str, *, seed: int, actor: str) -> SteeringVector:
    """A vector with a random direction and the norm of another at every layer.

    The same request for a vector and the same seed give the same direction at each layer on every
    machine; it is found and not stored twice. It is called ``NAME-random-SEED`` and has the other
    as its parent with weight 0.

    Raises:
        NotFoundError: If there is no such vector.
        ConflictError: If another vector has the name.
    """
    if seed < 0:
        raise InputError(f"Seed {seed} of a random direction must be 0 or more.")
    with db.write() as tx:
        vector = vectors.get_vector(tx, reference)
        about = {"of": vector.name, "seed": seed}
        request = derived_request_sha256(
            RANDOM_DIRECTION, about, [vectors.request_sha256(tx, vector)]
        )
        name = f"{vector.name}-random-{seed}"
        known = _named(tx, name)
        if known is not None:
            if vectors.request_sha256(tx, known) == request:
                return known
            raise ConflictError(
                f"Vector name {name!r} is taken by another vector. Rename or purge it: "
                f"vectorlab vectors purge {name}"
            )
        direction = vectors.add_vector(
            tx,
            NewVector(
                name=name,
                model_id=vector.model_id,
                set_version_id=None,
                method=RANDOM_DIRECTION,
                operator=vector.operator,  # applied as the vector is
                parameters=about,
                read_site=vector.read_site,
                write_site=vector.write_site,
                token_rule=vector.token_rule,
                spec=None,
                origin=Origin.DERIVED,
                layers=_random_layers(request, vectors.layer_vectors(tx, vector.id)),
                parents=[ParentWeight(vector_id=vector.id, weight=0.0)],
            ),
            created_by=actor,
        )
        audit.record(
            tx,
            actor=actor,
            action=RANDOM_DIRECTION,
            object_kind="vector",
            object_id=direction.id,
            details={"name": name, "seed": seed},
        )
    return direction


def shuffled_set(
    db: Database, reference: str, *, seed: int, actor: str
) -> tuple[str, ExtractionSpec]:
    """A set with the texts of a vector's demonstrations, whose sides were drawn by lot.

    Returns:
        The version, and the request that made the vector, for the same extraction from it.

    Raises:
        InputError: If the vector was not extracted, or all its texts are the same.
    """
    with db.read() as tx:
        vector = vectors.get_vector(tx, reference)
        spec = vectors.extraction_spec(tx, vector.id)
        if spec is None or vector.set_version_id is None:
            raise InputError(
                f"Vector {vector.name!r} was {vector.origin}, not extracted: it has no "
                "demonstrations to shuffle. Leave the shuffled baseline out."
            )
        items = sets.demonstrations(tx, vector.set_version_id)
    name = f"{str(vector.set_label).partition('@')[0]}-shuffled-{seed}"
    committed = set_services.commit(
        db,
        name=name,
        demonstrations=_shuffled(items, seed),
        message=f"Texts of {vector.set_label}, sides drawn by lot with seed {seed}",
        actor=actor,
        description=f"Baseline: {vector.set_label} with its sides drawn by lot",
        details={SHUFFLED_FROM: vector.set_label, "seed": seed},
    )
    return committed.version.label, spec


def request_shuffled(
    db: Database,
    reference: str,
    *,
    model: Model,
    seed: int,
    actor: str,
    priority: int = PRIORITY_BATCH,
    queue: str = DEFAULT_QUEUE,
) -> Asked[SteeringVector]:
    """Find the vector of the same texts whose sides were drawn by lot, or enqueue its extraction.

    It is made as the vector was and called ``NAME-shuffled-SEED``.

    Args:
        db: The store.
        reference: Name, id or hash prefix of the vector.
        model: The vector's own.
        seed: Of the lot.
        actor: Recorded as the one who asked.
        priority: Of the job.
        queue: Only workers of this queue take it.

    Raises:
        InputError: If the vector was not extracted, or all its texts are the same.
    """
    with db.read() as tx:
        name = vectors.get_vector(tx, reference).name
    version, spec = shuffled_set(db, reference, seed=seed, actor=actor)
    options = {field.name: getattr(spec, field.name) for field in fields(ExtractionOptions)}
    return request_extraction(
        db,
        set_reference=version,
        model=model,
        options=ExtractionOptions(**options),
        actor=actor,
        name=f"{name}-shuffled-{seed}",
        priority=priority,
        queue=queue,
    )


def in_context_arm(
    db: Database,
    set_reference: str,
    *,
    template: str = DEFAULT_TEMPLATE,
    shots: int | None = None,
) -> Arm:
    """The demonstrations of a set version in front of every prompt: what a vector replaces.

    Args:
        db: The store.
        set_reference: ``name@version``.
        template: How a demonstration is written, with ``{source}`` and ``{target}``.
        shots: The first so many demonstrations; None for all.

    Raises:
        InputError: If the template lacks a side, or a demonstration has no target.
    """
    if "{source}" not in template or "{target}" not in template:
        raise InputError(
            f"Template {template!r} lacks {{source}} or {{target}}. Write for example "
            "'Sentence: {source}, paraphrase: {target}\\n'"
        )
    version = set_services.get(db, set_reference)
    items = set_services.demonstrations(db, version)[:shots]
    bare = [place for place, demonstration in enumerate(items) if demonstration.target is None]
    if bare or not items:
        raise InputError(
            f"Demonstration {bare[0] if bare else 0} of {version.label} has no target; in-context "
            "learning needs pairs."
        )
    prefix = "".join(
        template.replace("{source}", demonstration.source).replace(
            "{target}", str(demonstration.target)
        )
        for demonstration in items
    )
    return Arm(label=f"{len(items)} demonstrations in the prompt", prefix=prefix)


def instruction_arm(instruction: str) -> Arm:
    """An instruction in front of every prompt, on a line of its own unless it ends otherwise.

    Raises:
        InputError: If it is empty.
    """
    if not instruction.strip():
        raise InputError("The instruction is empty. Leave it out, or say what the model should do.")
    prefix = instruction if instruction[-1].isspace() else f"{instruction}\n"
    return Arm(label="an instruction in the prompt", prefix=prefix)


def _random_layers(request: str, layers: Sequence[LayerVector]) -> list[LayerVector]:
    """Directions that hang on the request and each layer's number alone, with the layers' norms."""
    directions = []
    for part in layers:
        direction = np.random.default_rng([part.layer, int(request, 16)]).normal(
            size=part.values.shape
        )
        unit = direction / np.linalg.norm(direction)
        directions.append(
            LayerVector(layer=part.layer, values=(unit * part.norm).astype(np.float32))
        )
    return directions


def _shuffled(items: Sequence[Demonstration], seed: int) -> list[Demonstration]:
    """The same texts in pairs again, each on a side and beside a text that was drawn."""
    texts = [
        text
        for demonstration in items
        for text in (demonstration.source, demonstration.target)
        if text is not None
    ]
    if len(texts) < 2 * len(items) or len(set(texts)) < 2:
        raise InputError("Only pairs of different texts can be shuffled.")
    rng = np.random.default_rng(seed)
    for _ in range(_NUMBER_OF_TRIES):
        shuffled = [texts[place] for place in rng.permutation(len(texts))]
        pairs = list(zip(shuffled[::2], shuffled[1::2], strict=True))
        if all(source != target for source, target in pairs):
            break
    return [
        replace(demonstration, source=source, target=target)
        for demonstration, (source, target) in zip(items, pairs, strict=True)
    ]


def _named(tx: Transaction, name: str) -> SteeringVector | None:
    try:
        return vectors.get_vector(tx, name)
    except NotFoundError:
        return None
