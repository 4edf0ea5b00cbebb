"""In-context learning as gradient descent: ask for runs, find them again, look at them."""

from typing import Any

import pandas as pd

from vectorlab.domain.description import describe
from vectorlab.domain.hashing import content_sha256
from vectorlab.domain.models import Model
from vectorlab.domain.sets.versions import SetReference, SetVersion
from vectorlab.domain.ties import in_order
from vectorlab.errors import InputError
from vectorlab.icl.domain.features import FeatureOptions
from vectorlab.icl.domain.laws import (
    BridgeRequest,
    BridgeSpec,
    ConstructOptions,
    ReproductionSpec,
)
from vectorlab.icl.domain.reference_points import ReferenceCheck
from vectorlab.icl.domain.requests import (
    IclBridgeRequest,
    IclConstructRequest,
    IclFeaturesRequest,
    IclReproduceRequest,
    IclRequest,
    IclTrainRequest,
)
from vectorlab.icl.domain.runs import IclKind, IclRun
from vectorlab.icl.domain.training_spec import TrainingSpec
from vectorlab.icl.store import runs as icl_runs
from vectorlab.services.asking import Asked, ask, job_reader
from vectorlab.services.sets.sets import check_pairs
from vectorlab.store import purge as purging
from vectorlab.store.database import Database
from vectorlab.store.jobs import queue
from vectorlab.store.sets import sets

_BESIDE = ("set_reference", "set_sha256", "model_fingerprint")


def request_construction(
    db: Database, options: ConstructOptions, *, actor: str, **how: Any
) -> Asked[IclRun]:
    """Find or ask for k gradient steps by explicit attention.

    Args:
        db: The store.
        options: Tasks, rates and steps.
        actor: Recorded as the one who asked.
        how: ``force``, ``priority`` and ``queue``.

    Raises:
        InputError: If a temperature is given for tokens that nothing has to join.
    """
    if options.temperature is not None and not options.separate_tokens:
        raise InputError(
            f"temperature = {options.temperature}; it is that of the layer which joins separate "
            "tokens. Ask for those too: --separate-tokens"
        )
    sha256 = content_sha256("icl_construct", options.to_json())
    request = IclConstructRequest(spec=options, spec_sha256=sha256)
    return _ask(db, request, actor=actor, **how)


def request_features(
    db: Database, options: FeatureOptions, *, actor: str, **how: Any
) -> Asked[IclRun]:
    """Find or ask for gradient steps on m(x); ``how`` is as in ``request_construction``."""
    sha256 = content_sha256("icl_features", options.to_json())
    return _ask(db, IclFeaturesRequest(spec=options, spec_sha256=sha256), actor=actor, **how)


def request_training(db: Database, spec: TrainingSpec, *, actor: str, **how: Any) -> Asked[IclRun]:
    """Find or ask for a training from scratch; ``how`` is as in ``request_construction``."""
    sha256 = content_sha256("icl_train", spec.to_json())
    return _ask(db, IclTrainRequest(spec=spec, spec_sha256=sha256), actor=actor, **how)


def request_reproduction(
    db: Database, scope: str = "full", *, seed: int = 0, actor: str, **how: Any
) -> Asked[IclRun]:
    """Find or ask for the published reference points.

    Args:
        db: The store.
        scope: ``full``, or ``short`` for what takes seconds.
        seed: Of the tasks.
        actor: Recorded as the one who asked.
        how: ``force``, ``priority`` and ``queue``.

    Raises:
        InputError: If there is no such scope.
    """
    spec = ReproductionSpec(scope=scope, seed=seed)
    sha256 = content_sha256("icl_reproduce", spec.to_json())
    return _ask(db, IclReproduceRequest(spec=spec, spec_sha256=sha256), actor=actor, **how)


def request_bridge(
    db: Database, options: BridgeRequest, *, model: Model, actor: str, **how: Any
) -> Asked[IclRun]:
    """Find or ask for what a set does in the prompt of a model.

    Raises:
        NotFoundError: If a set or version does not exist.
        InputError: If a version has fewer than two pairs.
    """
    version = _pairs_of(db, options.set_reference)
    other = None if options.random_set is None else _pairs_of(db, options.random_set)
    spec = BridgeSpec(
        shots=options.shots,
        queries=options.queries,
        layout=options.layout,
        heads=options.heads,
        seed=options.seed,
        dtype=options.dtype,
        set_reference=version.label,
        set_sha256=version.content_sha256,
        random_sha256=None if other is None else other.content_sha256,
        model_fingerprint=model.fingerprint,
    )
    request = IclBridgeRequest(
        spec=spec,
        spec_sha256=content_sha256("icl_bridge", spec.identity()),
        model_id=model.id,
        set_version_id=version.id,
        random_version_id=None if other is None else other.id,
    )
    return _ask(db, request, actor=actor, **how)


def get(db: Database, reference: str) -> IclRun:
    """The run of an id or hash prefix.

    Raises:
        NotFoundError: If there is none.
    """
    with db.read() as tx:
        return icl_runs.get_run(tx, reference)


def list_runs(db: Database, *, kind: IclKind | None = None, limit: int | None = 50) -> list[IclRun]:
    """In-context runs, newest first, perhaps of one kind."""
    with db.read() as tx:
        return icl_runs.list_runs(tx, kind=kind, limit=limit)


def checks(db: Database, run_id: int) -> list[ReferenceCheck]:
    """Reference points of a reproduction."""
    with db.read() as tx:
        return icl_runs.checks(tx, run_id)


def curves(db: Database, run: IclRun) -> dict[str, list[tuple[int, float]]]:
    """The curves that a run drew while it was made."""
    if run.job_id is None:
        return {}
    with db.read() as tx:
        return queue.curves(tx, run.job_id)


def weights(db: Database, run_id: int) -> bytes | None:
    """A trained model's weights as safetensors; None for other runs.

    Raises:
        IntegrityError: If the bytes do not have the hash on record.
    """
    with db.read() as tx:
        return icl_runs.weights(tx, run_id)


def purge(db: Database, reference: str, *, cascade: bool = False, actor: str) -> list[str]:
    """Delete a run for good; nothing depends on one.

    Raises:
        NotFoundError: If there is none.
    """
    with db.write() as tx:
        run_id = icl_runs.get_run(tx, reference).id
        return purging.purge_thing(tx, "in-context run", run_id, cascade=cascade, actor=actor)


def what_goes(db: Database, reference: str) -> list[str]:
    """What purging a run takes along, a line each: the run itself.

    Raises:
        NotFoundError: If there is none.
    """
    with db.read() as tx:
        return purging.what_goes(tx, "in-context run", icl_runs.get_run(tx, reference).id)


def runs_frame(runs: list[IclRun]) -> pd.DataFrame:
    """In-context runs as a table, one row each."""
    columns = ["id", "kind", "what", "model", "set", "duration_s", "created_at"]
    return pd.DataFrame(
        [
            [
                run.id,
                run.kind.value,
                asked_in_words(run),
                run.model_name,
                run.set_label,
                run.duration_s,
                run.created_at,
            ]
            for run in runs
        ],
        columns=columns,
    )


def asked_in_words(run: IclRun) -> str:
    """What a run was asked for, without the model and the set that stand beside it."""
    facts = [fact for fact in describe(run.request) if not fact.is_quiet]
    return ", ".join(f"{fact.name} {fact.value}" for fact in facts if fact.field not in _BESIDE)


def checks_frame(checked: list[ReferenceCheck]) -> pd.DataFrame:
    """Reference points as rows: published value, ours, 99 % interval, verdict."""
    return pd.DataFrame(
        [
            {
                "name": check.point.name,
                "published": check.point.value,
                "comparison": check.point.comparison.value,
                "tolerance": check.point.tolerance,
                "ours": check.ours,
                "low": check.low,
                "high": check.high,
                "verdict": check.verdict.value,
                "about": check.point.about,
                "source": check.point.source,
            }
            for check in checked
        ],
        columns=[
            "name",
            "published",
            "comparison",
            "tolerance",
            "ours",
            "low",
            "high",
            "verdict",
            "about",
            "source",
        ],
    )


def layers_frame(db: Database, run_id: int) -> pd.DataFrame:
    """Layers of a bridge: condition, layer and their figures."""
    with db.read() as tx:
        return pd.DataFrame([vars(layer) for layer in icl_runs.layers(tx, run_id)])


def heads_frame(db: Database, run_id: int) -> pd.DataFrame:
    """Attention heads of a bridge; ``by_demonstration`` is a list of shares."""
    with db.read() as tx:
        rows = [vars(head) for head in icl_runs.heads(tx, run_id)]
    frame = pd.DataFrame(rows)
    if rows:
        frame["by_demonstration"] = [list(row["by_demonstration"]) for row in rows]
    return frame


def strongest_heads(heads: pd.DataFrame) -> pd.DataFrame:
    """Attention heads of a bridge, those with the largest share, of either sign, first."""
    return heads.iloc[in_order(heads["share"].abs().to_numpy())]


def _pairs_of(db: Database, reference: str) -> SetVersion:
    with db.read() as tx:
        version = sets.resolve_version(tx, SetReference.parse(reference))
        items = sets.demonstrations(tx, version.id)
    check_pairs(version.label, items, minimum=2)
    return version


def _ask(db: Database, request: IclRequest, *, force: bool = False, **how: Any) -> Asked[IclRun]:
    with db.write() as tx:
        run = None if force else icl_runs.find_run(tx, request.spec_sha256)
        read = job_reader(db, "icl_run_id", lambda tx, row: icl_runs.get_run(tx, str(row)))
        return ask(tx, request, found=run, read=read, **how)
