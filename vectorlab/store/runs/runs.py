"""Generation runs: the request row by row, the texts it made, and replays of it."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from vectorlab.domain.interventions.arms import Arm, Combine, Intervention
from vectorlab.domain.interventions.conditions import Condition, Measure, ThresholdSide
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.packing import pack_ids, read_ids
from vectorlab.domain.runs.batch_plan import BatchPlan, RowKey
from vectorlab.domain.runs.runs import (
    Chat,
    Decoding,
    GenerationRun,
    NewRun,
    Prompt,
    RunSpec,
    record_of,
)
from vectorlab.domain.runs.texts import FinishReason, GeneratedText, results_sha256, storable
from vectorlab.domain.text.chats import Exchange
from vectorlab.domain.vectors.vectors import Site
from vectorlab.errors import ConflictError, InputError, IntegrityError
from vectorlab.store import evidence, schema
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Transaction
from vectorlab.store.references import batches, get_id, must_exist, storable_text
from vectorlab.store.runs import divergences, token_views, verdicts
from vectorlab.store.vectors import vectors

_runs = schema.generation_runs
_prompts = schema.run_prompts
_arms = schema.run_arms
_interventions = schema.arm_interventions
_generations = schema.generations
_versions = schema.set_versions
_sets = schema.demonstration_sets


def add_run(tx: Transaction, new: NewRun, created_by: str) -> GenerationRun:
    """Store a finished run with its request and all its texts; a replay with its verdict.

    Raises:
        ConflictError: If the name is taken.
        InputError: If the texts are not exactly those asked for, or cannot be stored.
        IntegrityError: If the request would not come back as the same request.
    """
    from vectorlab.domain.runs.replays import judge

    _check_new(tx, new)
    values = {
        "name": new.name,
        "spec_sha256": new.spec.sha256,
        "result_sha256": new.result_sha256,
        "model_id": new.model_id,
        "prompt_set_version_id": new.prompt_set_version_id,
        "decoding_json": new.spec.decoding.to_json(),
        "seed": new.spec.seed,
        "samples": new.spec.samples,
        **_chat_columns(new.spec.chat),
        "add_special_tokens": new.spec.add_special_tokens,
        "dtype": new.spec.dtype,
        "environment_json": dict(new.environment),
        "batch_plan_json": new.batch_plan.to_json(),
        "replay_of": new.replay_of,
        **record_of(new),
        "created_at": utc_now(),
        "created_by": created_by,
    }
    rows = [_generation_row(generation) for generation in new.generations]
    values = evidence.seal_with_parts(tx, _runs, values, {_generations: rows})
    run_id = tx.execute(_runs.insert().values(values).returning(_runs.c.id)).scalar_one()
    _add_request(tx, run_id, new.spec)
    _insert(tx, _generations, [{"run_id": run_id, **row} for row in rows])
    token_views.add_written(tx, run_id, new.generations)
    run = run_by_id(tx, run_id)
    if new.replay_of is not None and new.departures is not None:
        verdicts.add(tx, judge(run_by_id(tx, new.replay_of), run, new.departures))
    return run


def get_run(tx: Transaction, reference: str) -> GenerationRun:
    """The run with that name or id, or the original with that spec hash prefix.

    Raises:
        NotFoundError: If there is none.
        InputError: If the prefix fits several requests.
        IntegrityError: If the stored request does not have the hash on record.
    """
    originals = _runs.c.replay_of.is_(None)
    run_id = get_id(tx, _runs, reference, kind="run", hash_column="spec_sha256", among=originals)
    return run_by_id(tx, run_id)


def run_by_id(tx: Transaction, run_id: int) -> GenerationRun:
    """The run with that id.

    Raises:
        NotFoundError: If there is none.
        IntegrityError: If the stored request does not have the hash on record.
    """
    run = next(iter(_select(tx, _runs.c.id == run_id)), None)
    run = must_exist(run, "run", run_id, listed_by="runs list")
    if run.spec.sha256 != run.spec_sha256:
        raise IntegrityError(
            f"The request of run {run.id} has hash {run.spec.sha256}, on record is "
            f"{run.spec_sha256}. If rows were altered, put a backup in place: "
            "vectorlab db restore BACKUP"
        )
    return run


def find_by_spec(tx: Transaction, sha256: str, *, name: str | None = None) -> GenerationRun | None:
    """What an equal request made: the run of that name, else the newest, or None; no replay."""
    condition = sa.and_(_runs.c.spec_sha256 == sha256, _runs.c.replay_of.is_(None))
    own = [] if name is None else _select(tx, sa.and_(condition, _runs.c.name == name))
    return next(iter(own or _select(tx, condition, limit=1)), None)


def list_runs(
    tx: Transaction,
    *,
    limit: int | None = None,
    offset: int = 0,
    model_id: int | None = None,
    replay_of: int | None = None,
) -> list[GenerationRun]:
    """Runs, newest first, optionally of one model or replaying one run.

    Args:
        tx: An open transaction.
        limit: At most so many; None takes all.
        offset: Runs to pass over.
        model_id: Only of this model.
        replay_of: Only replays of this run.
    """
    conditions = [
        column == value
        for column, value in ((_runs.c.model_id, model_id), (_runs.c.replay_of, replay_of))
        if value is not None
    ]
    return _select(tx, sa.and_(sa.true(), *conditions), limit=limit, offset=offset)


def replays(tx: Transaction, run_id: int) -> list[GenerationRun]:
    """The replays of a run, newest first."""
    return list_runs(tx, replay_of=run_id)


def generations(tx: Transaction, run_id: int) -> list[GeneratedText]:
    """The texts of a run in the order of ``RunSpec.rows``, checked against the hash on record.

    Raises:
        IntegrityError: If a text, its tokens or its end were altered, or a text is missing.
    """
    c = _generations.c
    query = _generations.select().where(c.run_id == run_id).order_by(c.prompt, c.arm, c.sample)
    texts = [_generation(row) for row in tx.execute(query)]
    known = tx.scalar(sa.select(_runs.c.result_sha256).where(_runs.c.id == run_id))
    sha256 = results_sha256(texts)
    if known is not None and sha256 != known:
        raise IntegrityError(
            f"The {len(texts)} texts of run {run_id} have hash {sha256}, on record is {known}. If "
            "rows were altered, put a backup in place: vectorlab db restore BACKUP"
        )
    return texts


def token_ids(tx: Transaction, run_id: int) -> dict[RowKey, tuple[int, ...]]:
    """Tokens of every text of a run."""
    c = _generations.c
    query = sa.select(c.prompt, c.arm, c.sample, c.token_ids).where(c.run_id == run_id)
    return {_key(row): _token_ids(row) for row in tx.execute(query)}


def token_counts(tx: Transaction, run_id: int) -> dict[tuple[int, int, int], int]:
    """Tokens of every text of a run, by prompt, arm and sample."""
    c = _generations.c
    query = sa.select(c.prompt, c.arm, c.sample, c.n_tokens).where(c.run_id == run_id)
    return {(row.prompt, row.arm, row.sample): row.n_tokens for row in tx.execute(query)}


def generations_of_prompt(tx: Transaction, run_id: int, prompt: int) -> list[GeneratedText]:
    """The texts of one prompt of a run, ordered by arm and sample."""
    c = _generations.c
    query = _generations.select().where(c.run_id == run_id, c.prompt == prompt)
    return [_generation(row) for row in tx.execute(query.order_by(c.arm, c.sample))]


def check_name_is_free(tx: Transaction, name: str) -> None:
    """Return if no run has the name.

    Raises:
        ConflictError: Naming the run that has it.
    """
    taken = tx.scalar(sa.select(_runs.c.id).where(_runs.c.name == name))
    if taken is not None:
        raise ConflictError(
            f"Run name {name!r} is taken by run {taken}. Choose another with --name."
        )


def _check_new(tx: Transaction, new: NewRun) -> None:
    if new.name is not None:
        check_name_is_free(tx, new.name)
    rows = new.spec.rows()
    if sorted(generation.key for generation in new.generations) != rows:
        raise InputError(
            f"The run has {len(new.generations)} generations, expected one for each of "
            f"{len(rows)} prompts x arms x samples."
        )
    if not -(2**63) <= new.spec.seed < 2**63:
        raise InputError(f"Seed {new.spec.seed} does not fit 64 bits. Give a smaller one.")
    _check_vectors(tx, new.spec.arms)


def _check_vectors(tx: Transaction, arms: Sequence[Arm]) -> None:
    known = schema.steering_vectors.c
    applied = {intervention for arm in arms for intervention in arm.interventions}
    for use in applied | {
        intervention.condition for intervention in applied if intervention.condition is not None
    }:
        content = tx.scalar(sa.select(known.content_sha256).where(known.id == use.vector_id))
        if content != use.vector_sha256:
            raise IntegrityError(
                f"The run used vector bytes with hash {use.vector_sha256}, but vector "
                f"{use.vector_id} has {content}. The run is not stored."
            )


def _select(
    tx: Transaction, condition: sa.ColumnElement[bool], *, limit: int | None = None, offset: int = 0
) -> list[GenerationRun]:
    query = (
        sa.select(
            _runs,
            schema.models.c.name.label("model_name"),
            schema.models.c.fingerprint,
            _versions.c.number,
            _sets.c.name.label("set_name"),
        )
        .join(schema.models)
        .outerjoin(_versions, _versions.c.id == _runs.c.prompt_set_version_id)
        .outerjoin(_sets, _sets.c.id == _versions.c.set_id)
        .where(condition)
        .order_by(_runs.c.id.desc())
        .limit(limit)
        .offset(offset)
    )
    rows = tx.execute(query).all()
    ids = [row.id for row in rows]
    prompts, arms = _prompts_of(tx, ids), _arms_of(tx, {row.id: row.fingerprint for row in rows})
    return [_run(row, prompts[row.id], arms[row.id]) for row in rows]


def _run(row: sa.Row[Any], prompts: Sequence[Prompt], arms: Sequence[Arm]) -> GenerationRun:
    return GenerationRun(
        id=row.id,
        name=row.name,
        model_id=row.model_id,
        model_name=row.model_name,
        prompt_set_version_id=row.prompt_set_version_id,
        prompt_set_label=None if row.set_name is None else f"{row.set_name}@{row.number}",
        spec=RunSpec(
            model_fingerprint=row.fingerprint,
            prompts=tuple(prompts),
            arms=tuple(arms),
            decoding=Decoding.from_json(row.decoding_json),
            seed=row.seed,
            samples=row.samples,
            add_special_tokens=row.add_special_tokens,
            dtype=row.dtype,
            chat=_chat(row),
        ),
        spec_sha256=row.spec_sha256,
        result_sha256=row.result_sha256,
        environment=row.environment_json,
        batch_plan=BatchPlan.from_json(row.batch_plan_json),
        replay_of=row.replay_of,
        created_at=row.created_at,
        **record_of(row),
    )


def _prompts_of(tx: Transaction, run_ids: Sequence[int]) -> dict[int, list[Prompt]]:
    prompts: dict[int, list[Prompt]] = defaultdict(list)
    for row in _rows_of(tx, _prompts, run_ids):
        prompts[row.run_id].append(Prompt(text=row.text, reference=row.reference))
    return prompts


def _chat(row: sa.Row[Any]) -> Chat | None:
    if row.chat_template_sha256 is None:
        return None
    earlier = () if row.chat_earlier_json is None else row.chat_earlier_json
    return Chat(
        template_sha256=row.chat_template_sha256,
        system=row.chat_system,
        earlier=tuple(Exchange.from_json(data) for data in earlier),
    )


def _chat_columns(chat: Chat | None) -> dict[str, Any]:
    if chat is None:
        return dict.fromkeys(("chat_template_sha256", "chat_system", "chat_earlier_json"))
    for turn in chat.before:
        storable_text(f"Turn of the {turn.role}", turn.content)
    return {
        "chat_template_sha256": chat.template_sha256,
        "chat_system": chat.system,
        "chat_earlier_json": [exchange.to_json() for exchange in chat.earlier] or None,
    }


def _arms_of(tx: Transaction, models: Mapping[int, str]) -> dict[int, list[Arm]]:
    """Arms by run, given the fingerprint of each run's model."""
    rows = list(_rows_of(tx, _interventions, [*models]))
    read = (row.condition_vector_id for row in rows if row.condition_vector_id is not None)
    owners = vectors.owners(tx, [*(row.steering_vector_id for row in rows), *read])
    others = {  # of other models than a run's own, by its fingerprint
        own: {vector: owner for vector, owner in owners.items() if owner != own}
        for own in set(models.values())
    }
    interventions: dict[tuple[int, int], list[Intervention]] = defaultdict(list)
    for row in rows:
        intervention = _intervention(row, others[models[row.run_id]])
        interventions[row.run_id, row.arm].append(intervention)
    arms: dict[int, list[Arm]] = defaultdict(list)
    for row in _rows_of(tx, _arms, [*models]):
        arms[row.run_id].append(
            Arm(
                label=row.label,
                interventions=tuple(interventions[row.run_id, row.position]),
                combine=Combine(row.combine),
                prefix=row.prefix or "",
            )
        )
    return arms


def _rows_of(tx: Transaction, table: sa.Table, run_ids: Sequence[int]) -> Iterable[sa.Row[Any]]:
    for ids in batches(run_ids):
        query = table.select().where(table.c.run_id.in_(ids)).order_by(*table.primary_key)
        yield from tx.execute(query)


def condition_of(row: sa.Row[Any], vector_model: str | None) -> Condition:
    """The condition in a row of a table that holds its columns, all of them filled.

    Args:
        row: Of the table.
        vector_model: Fingerprint of the model its vector belongs to, where that is another one.
    """
    return Condition(
        vector_id=row.condition_vector_id,
        vector_sha256=row.condition_vector_sha256,
        vector_model=vector_model,
        layer=row.condition_layer,
        measure=Measure(row.condition_measure),
        comparison=ThresholdSide(row.condition_comparison),
        threshold=row.condition_threshold,
        window=Positions.parse(row.condition_window),
        site=Site(row.condition_site),
    )


def condition_columns(condition: Condition) -> dict[str, Any]:
    """The columns that hold a condition: the inverse of ``condition_of``."""
    return {
        "condition_vector_id": condition.vector_id,
        "condition_vector_sha256": condition.vector_sha256,
        "condition_layer": condition.layer,
        "condition_measure": condition.measure,
        "condition_comparison": condition.comparison,
        "condition_threshold": condition.threshold,
        "condition_window": str(condition.window),
        "condition_site": condition.site,
    }


_NO_CONDITION: dict[str, Any] = {
    column.name: None for column in _interventions.c if column.name.startswith("condition_")
}


def _intervention(row: sa.Row[Any], others: Mapping[int, str]) -> Intervention:
    """The intervention in a row, given whose the vectors of other models are."""
    read = row.condition_vector_id
    return Intervention(
        vector_id=row.steering_vector_id,
        vector_sha256=row.vector_sha256,
        vector_model=others.get(row.steering_vector_id),
        operator=Operator(row.operator),
        strength=row.strength,
        site=Site(row.site),
        positions=Positions.parse(row.positions),
        layers=None if row.layers_json is None else tuple(row.layers_json),
        schedule=Schedule.parse(row.schedule),
        condition=None if read is None else condition_of(row, others.get(read)),
    )


def _add_request(tx: Transaction, run_id: int, spec: RunSpec) -> None:
    prompts = [
        {
            "run_id": run_id,
            "position": position,
            "text": storable_text("Prompt", prompt.text),
            "reference": None
            if prompt.reference is None
            else storable_text("Reference", prompt.reference),
        }
        for position, prompt in enumerate(spec.prompts)
    ]
    arms = [
        {
            "run_id": run_id,
            "position": position,
            "label": storable_text("Label", arm.label),
            "combine": arm.combine,
            "prefix": storable_text("Prefix", arm.prefix) or None,
        }
        for position, arm in enumerate(spec.arms)
    ]
    _insert(tx, _prompts, prompts)
    _insert(tx, _arms, arms)
    _insert(tx, _interventions, _intervention_rows(run_id, spec.arms))


def _intervention_rows(run_id: int, arms: Sequence[Arm]) -> list[dict[str, Any]]:
    return [
        {
            "run_id": run_id,
            "arm": arm,
            "position": position,
            "steering_vector_id": intervention.vector_id,
            "vector_sha256": intervention.vector_sha256,
            "operator": intervention.operator,
            "strength": intervention.strength,
            "site": intervention.site,
            "positions": str(intervention.positions),
            "layers_json": intervention.layers,
            "schedule": str(intervention.schedule),
            **(
                _NO_CONDITION
                if intervention.condition is None
                else condition_columns(intervention.condition)
            ),
        }
        for arm, owner in enumerate(arms)
        for position, intervention in enumerate(owner.interventions)
    ]


def _insert(tx: Transaction, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        tx.execute(table.insert(), rows)


def _generation_row(generation: GeneratedText) -> dict[str, Any]:
    return {
        "prompt": generation.key.prompt,
        "arm": generation.key.arm,
        "sample": generation.key.sample,
        "text": storable(generation.text),
        "token_ids": pack_ids(generation.token_ids),
        "n_tokens": len(generation.token_ids),
        "finish_reason": generation.finish_reason,
        # SQLite turns NaN into NULL by itself; here both databases do.
        "mean_logprob": None if math.isnan(generation.mean_logprob) else generation.mean_logprob,
        "choice_margin": generation.choice_margin,
        **divergences.columns_of(generation.divergence),
    }


def _generation(row: sa.Row[Any]) -> GeneratedText:
    return GeneratedText(
        key=_key(row),
        text=row.text,
        token_ids=_token_ids(row),
        finish_reason=FinishReason(row.finish_reason),
        mean_logprob=math.nan if row.mean_logprob is None else row.mean_logprob,
        choice_margin=row.choice_margin,
        divergence=divergences.divergence_of(row),
    )


def _key(row: sa.Row[*tuple[Any, ...]]) -> RowKey:
    return RowKey(prompt=row.prompt, arm=row.arm, sample=row.sample)


def _token_ids(row: sa.Row[*tuple[Any, ...]]) -> tuple[int, ...]:
    return read_ids(row.token_ids)
