"""Train and score: featurizers over layers and dimensions, and steering vectors beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from safetensors import SafetensorError, safe_open

from vectorlab.domain.hashing import bytes_sha256
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.jobs.jobs import DEFAULT_QUEUE, PRIORITY_BATCH
from vectorlab.domain.models import Model
from vectorlab.domain.sets.versions import check_name
from vectorlab.domain.vectors.vectors import SteeringVector
from vectorlab.errors import ConflictError, InputError, ModelError
from vectorlab.ravel.domain.entities import EntityData
from vectorlab.ravel.domain.instances import TESTS, ExamplePart, Instance
from vectorlab.ravel.domain.requests import RavelRunRequest
from vectorlab.ravel.domain.specs import (
    FEATURIZERS,
    AttributeArm,
    Evaluation,
    FeaturizerArm,
    FeaturizerSpec,
    Location,
    RavelRun,
    RavelRunSpec,
    StoredFeaturizer,
    VectorArm,
    check_featurizer,
    check_parameters,
)
from vectorlab.ravel.store import entities, instances, results
from vectorlab.services.asking import Asked, ask, job_reader, takes_name
from vectorlab.services.vectors import vectors
from vectorlab.store import audit, models
from vectorlab.store.database import Database, Transaction
from vectorlab.store.jobs import names as job_names
from vectorlab.store.references import must_exist

LARGEST_RUN = 400  # arms; a larger grid is a mistake more often than not


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Featurizers to make: every method with every layer and every k that it takes."""

    methods: tuple[str, ...]
    layers: tuple[int, ...]
    ks: tuple[int | None, ...] = (None,)
    attributes: tuple[str, ...] = ()  # targets; none: all of the instance
    location: Location = Location.ENTITY_LAST
    parameters: Mapping[str, float] = field(default_factory=dict)
    weights: str | None = None  # file with the weights of an autoencoder
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class VectorTrial:
    """A stored steering vector and what it is to do."""

    reference: str
    attribute: str
    before: str
    after: str
    strengths: tuple[float, ...]
    operator: Operator | None = None  # None: the vector's own
    positions: str = "all"
    layers: tuple[int, ...] | None = None


def request_run(
    db: Database,
    *,
    instance: str,
    grid: Grid | None = None,
    vector: VectorTrial | None = None,
    parts: Sequence[ExamplePart] = TESTS,
    actor: str,
    name: str | None = None,
    force: bool = False,
    priority: int = PRIORITY_BATCH,
    queue: str = DEFAULT_QUEUE,
) -> Asked[RavelRun]:
    """Find the run of an equal earlier request, or enqueue its job.

    Featurizers and evaluations that are stored already are used, not made again.

    Args:
        db: The store.
        instance: Its name, id or hash prefix.
        grid: Featurizers to train where they are not yet, and to score.
        vector: A steering vector to score.
        parts: Of the instance; none only trains.
        actor: Recorded as the one who asked.
        name: Of the run.
        force: Make another run even when an equal one is stored.
        priority: Of the job.
        queue: Only workers of this queue take it.

    Raises:
        NotFoundError: If instance or vector are unknown.
        InputError: If layer, k, attribute or a parameter cannot be used; nothing is stored then.
        ConflictError: If the name belongs to another run, or an equal run or job has another one.
    """
    with db.read() as tx:
        stored_instance = instances.get_instance(tx, instance)
        model = models.get_model(tx, str(stored_instance.model_id))
        data = entities.data(tx, stored_instance.version_id)
    arms: list[AttributeArm] = []
    weights_path = None
    if grid is not None:
        arms += _grid_arms(stored_instance, model, grid)
        weights_path = grid.weights
    if vector is not None:
        arms += _vector_arms(db, stored_instance, model, data, vector)
    if not arms or len(arms) > LARGEST_RUN:
        raise InputError(f"A run of {len(arms)} arms; it takes 1 to {LARGEST_RUN}.")
    spec = RavelRunSpec(
        instance_sha256=stored_instance.content_sha256, arms=tuple(arms), parts=tuple(parts)
    )
    request = RavelRunRequest(
        spec=spec,
        instance_id=stored_instance.id,
        model_id=model.id,
        name=name,
        weights=weights_path,
    )
    with db.write() as tx:
        run = None if force else results.find_run_by_spec(tx, spec.sha256, name=name)
        if run is None:
            _check_free(tx, name)
        elif takes_name(f"run {run.id}", run.name, name):
            run = _renamed(tx, run, str(name), actor)
        return ask(
            tx,
            request,
            found=run,
            read=job_reader(db, "ravel_run_id", results.run_by_id),
            actor=actor,
            priority=priority,
            queue=queue,
        )


def get_run(db: Database, reference: str) -> RavelRun:
    """The run with that name, id or request hash prefix.

    Raises:
        NotFoundError: If there is none.
    """
    return must_exist(find_run(db, reference), "run", reference, listed_by="ravel list")


def find_run(db: Database, reference: str) -> RavelRun | None:
    """The RAVEL run that a reference means, or None."""
    with db.read() as tx:
        return results.find_run(tx, reference)


def list_runs(db: Database, instance: Instance | None = None) -> list[RavelRun]:
    """RAVEL runs, newest first, perhaps of one instance."""
    with db.read() as tx:
        return results.list_runs(tx, None if instance is None else instance.id)


def evaluations(
    db: Database, *, run: RavelRun | None = None, instance: Instance | None = None
) -> list[Evaluation]:
    """Evaluations of a run in its order, or of an instance."""
    with db.read() as tx:
        return results.list_evaluations(
            tx,
            run_id=None if run is None else run.id,
            instance_id=None if instance is None else instance.id,
        )


def featurizers(db: Database, instance: Instance | None = None) -> list[StoredFeaturizer]:
    """Featurizers that are kept, newest first, perhaps of one instance."""
    with db.read() as tx:
        return results.list_featurizers(tx, None if instance is None else instance.id)


def featurizers_of(db: Database, evaluation: Evaluation) -> list[StoredFeaturizer]:
    """The featurizers that an evaluation used."""
    with db.read() as tx:
        return results.featurizers_of(tx, evaluation.id)


def featurizers_of_run(db: Database, run: RavelRun) -> list[StoredFeaturizer]:
    """The featurizers that a run used or made, in its order."""
    with db.read() as tx:
        spec = results.run_spec(tx, run.id)
        hashes = [
            featurizer.sha256
            for arm in spec.arms
            if isinstance(arm, FeaturizerArm)
            for featurizer in arm.featurizers
        ]
        stored = [results.find_featurizer(tx, sha256) for sha256 in hashes]
    return [featurizer for featurizer in stored if featurizer is not None]


def _grid_arms(instance: Instance, model: Model, grid: Grid) -> list[FeaturizerArm]:
    shape = model.description
    targets = _targets(instance, grid.attributes)
    grid_parameters = dict(grid.parameters)
    weights = _weights_sha256(grid.weights) if grid.weights is not None else None
    if weights is not None and tuple(grid.methods) != ("sae",):
        raise InputError("--weights are those of an autoencoder; they go with --method sae alone.")
    unused = set(grid_parameters)
    arms = []
    for method in dict.fromkeys(grid.methods):
        for layer in dict.fromkeys(grid.layers):
            for k in _ks(grid, method):
                known = check_featurizer(
                    method, layer=layer, k=k, n_layers=shape.n_layers, d_model=shape.d_model
                )
                unused -= set(known.parameters)
                own = {
                    key: value for key, value in grid_parameters.items() if key in known.parameters
                }
                if len(grid.methods) == 1:
                    own = grid_parameters
                parameters = check_parameters(known, own)
                arms.append(
                    FeaturizerArm(
                        label=_label(method, layer, k, grid.location),
                        featurizers=tuple(
                            FeaturizerSpec(
                                instance_sha256=instance.content_sha256,
                                method=method,
                                attribute=attribute,
                                layer=layer,
                                location=grid.location,
                                k=k,
                                parameters=parameters,
                                weights_sha256=weights,
                                seed=grid.seed,
                            )
                            for attribute in targets
                        ),
                    )
                )
    if unused:
        raise InputError(
            f"None of {', '.join(grid.methods)} has a parameter {sorted(unused)[0]!r}."
        )
    return arms


def _ks(grid: Grid, method: str) -> Sequence[int | None]:
    """The dimensions that a method is tried with: those given, where it takes any."""
    known = FEATURIZERS.get(method)
    takes_none = known is not None and not known.takes_k
    # In a grid of several methods k is for those that take it; a method alone is told so.
    return (None,) if takes_none and len(grid.methods) > 1 else grid.ks


def _targets(instance: Instance, attributes: Sequence[str]) -> tuple[str, ...]:
    unknown = [name for name in attributes if name not in instance.attributes]
    if unknown:
        raise InputError(
            f"Instance {instance.name!r} has no attribute {unknown[0]!r}. Use one of "
            f"{', '.join(instance.attributes)}."
        )
    return tuple(dict.fromkeys(attributes)) or instance.attributes


def _vector_arms(
    db: Database, instance: Instance, model: Model, data: EntityData, trial: VectorTrial
) -> list[VectorArm]:
    (attribute,) = _targets(instance, [trial.attribute])
    vector = vectors.get(db, trial.reference)
    _check_same_model(vector, model)
    vectors.check_fits(vector, model, trial.layers)
    Positions.parse(trial.positions)
    values = data.values_of(attribute)
    for value in (trial.before, trial.after):
        if value not in values:
            known = ", ".join(name for name, _ in values.most_common(8))
            raise InputError(f"No entity has {attribute} {value!r}. Frequent values: {known}.")
    if trial.before == trial.after:
        raise InputError(
            f"--from and --to are both {trial.before!r}; label and counter-label would be the same."
        )
    operator = trial.operator or vector.operator
    return [
        VectorArm(
            label=f"{vector.name} {strength:g}",
            vector_id=vector.id,
            vector_sha256=vector.content_sha256,
            attribute=attribute,
            before=trial.before,
            after=trial.after,
            operator=operator.value,
            strength=strength,
            site=vector.write_site.value,
            positions=trial.positions,
            layers=trial.layers,
        )
        for strength in trial.strengths
    ]


def _check_same_model(vector: SteeringVector, model: Model) -> None:
    if vector.model_id != model.id:
        raise InputError(
            f"Vector {vector.name!r} is of model {vector.model_name!r}, the instance of "
            f"{model.name!r}. Extract it for this model: vectorlab vectors extract --model "
            f"{model.name}"
        )


def _renamed(tx: Transaction, run: RavelRun, name: str, actor: str) -> RavelRun:
    _check_free(tx, name)
    job_names.check_promised(tx, RavelRunRequest.NAMES, name)
    audit.record(
        tx,
        actor=actor,
        action="rename",
        object_kind="ravel_run",
        object_id=run.id,
        details={"name": name, "before": run.name},
    )
    return results.rename_run(tx, run.id, name)


def _check_free(tx: Transaction, name: str | None) -> None:
    if name is not None and not results.run_name_is_free(tx, check_name("run", name)):
        raise ConflictError(
            f"Run name {name!r} is taken. Choose another with --name, or look at it: "
            f"vectorlab ravel show {name}"
        )


def _weights_sha256(path: str) -> str:
    """Hash of a safetensors file, if it is one."""
    try:
        with safe_open(path, framework="numpy") as file:
            names = list(file.keys())
    except (OSError, SafetensorError) as exc:
        raise ModelError(
            f"{path} is no safetensors file with the weights of an autoencoder: {exc}."
        ) from exc
    if "W_enc" not in names:
        raise ModelError(
            f"{path} has no array W_enc; expected W_enc, b_enc, W_dec and b_dec. It has: "
            f"{', '.join(names)}."
        )
    return bytes_sha256(Path(path).read_bytes())


def _label(method: str, layer: int, k: int | None, location: Location) -> str:
    words = [method, f"L{layer}"] + ([f"k{k}"] if k is not None else [])
    if location is not Location.ENTITY_LAST:
        words.append(location.value)
    return " ".join(words)
