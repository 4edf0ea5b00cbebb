"""Conditions of interventions: read one from a text, ask for a threshold, look at searches."""

import re
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from vectorlab.domain.interventions.conditions import (
    Condition,
    ConditionSearch,
    Measure,
    SearchSpec,
    ThresholdSide,
)
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.jobs.jobs import DEFAULT_QUEUE, PRIORITY_BATCH
from vectorlab.domain.jobs.requests import ThresholdRequest
from vectorlab.domain.models import Model, check_dtype
from vectorlab.domain.sets.versions import SetReference
from vectorlab.domain.text.chats import Chat
from vectorlab.domain.vectors.vectors import Site
from vectorlab.errors import InputError
from vectorlab.services.asking import Asked, ask, job_reader
from vectorlab.services.vectors.belonging import check_belongs, owner_if_other
from vectorlab.services.vectors.vectors import check_fits
from vectorlab.store import models
from vectorlab.store.database import Database
from vectorlab.store.sets import sets
from vectorlab.store.vectors import threshold_searches, vectors

HELP = (
    'Write for example "angry@4 cosine > 0.2", "angry@4 projection < -1.5 over prompt:last=1 at '
    'mlp_output", "angry@4 cosine > 0.2 over response:last=4", or "search:3" for what a search '
    "found."
)
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_WRITTEN = re.compile(
    rf"(?P<vector>\S+)@(?P<layer>\d+)\s+(?P<measure>{'|'.join(Measure)})\s*(?P<comparison>[<>])\s*"
    rf"(?P<threshold>{_NUMBER})(?:\s+over\s+(?P<window>\S+))?(?:\s+at\s+(?P<site>\S+))?"
)


def parse_condition(db: Database, model: Model, text: str) -> Condition:
    """Read a condition: ``VECTOR@LAYER cosine > 0.2 [over WINDOW] [at SITE]`` or ``search:ID``.

    Raises:
        InputError: If it cannot be read.
        NotFoundError: If the vector or the search does not exist.
        ShapeError: If the vector does not fit the model.
    """
    text = text.strip()
    if match := re.fullmatch(r"search:(\d+)", text):
        search = get(db, int(match[1]))
        _check_searched_on(model, search)
        return _fitting(db, model, search.condition, str(search.condition.vector_id))
    match = _matched(text)
    with db.read() as tx:
        vector = vectors.get_vector(tx, match["vector"])
    site = match["site"] or Site.BLOCK_OUTPUT
    if site not in list(Site):
        raise InputError(f"Condition {text!r} names site {site!r}. Known are {', '.join(Site)}.")
    condition = Condition(
        vector_id=vector.id,
        vector_sha256=vector.content_sha256,
        vector_model=owner_if_other(db, vector, model),
        layer=int(match["layer"]),
        measure=Measure(match["measure"]),
        comparison=ThresholdSide(match["comparison"]),
        threshold=float(match["threshold"]),
        window=Positions.parse(match["window"] or "prompt"),
        site=Site(site),
    )
    return _fitting(db, model, condition, vector.name)


def vector_read(db: Database, text: str) -> str:
    """The vector that a condition reads along: its name, id or hash prefix.

    Raises:
        InputError: If the condition cannot be read.
        NotFoundError: If it names a search that does not exist.
    """
    if match := re.fullmatch(r"search:(\d+)", text.strip()):
        return str(get(db, int(match[1])).condition.vector_id)
    return _matched(text.strip())["vector"]


def opposite(condition: Condition) -> Condition:
    """The condition of the rest: what holds where the other does not, a tie aside."""
    other = (
        ThresholdSide.BELOW if condition.comparison is ThresholdSide.ABOVE else ThresholdSide.ABOVE
    )
    return replace(condition, comparison=other)


def request_search(
    db: Database,
    *,
    vector: str,
    positive: str,
    negative: str,
    model: Model | None = None,
    other_model: bool = False,
    measure: Measure = Measure.COSINE,
    window: Positions = Positions.PROMPT,
    site: Site = Site.BLOCK_OUTPUT,
    layers: tuple[int, ...] | None = None,
    dtype: str = "float32",
    chat: Chat | None = None,
    actor: str,
    force: bool = False,
    priority: int = PRIORITY_BATCH,
    queue: str = DEFAULT_QUEUE,
) -> Asked[ConditionSearch]:
    """Find the answer to an equal earlier search, or enqueue it.

    Args:
        db: The store.
        vector: What prompts are measured along.
        positive: Set version whose sources should meet the condition.
        negative: Set version whose sources should not.
        model: Reads the prompts; None for the vector's own.
        other_model: It may be another than the vector's own.
        measure: Cosine or projection.
        window: Tokens of the prompt that are read.
        site: Where in a block.
        layers: To choose from; None for every layer the vector has.
        dtype: The model computes in this.
        chat: Prompts are written through this chat.
        actor: Recorded as the one who asked.
        force: Search again.
        priority: Of the job.
        queue: Only workers of this queue take it.

    Raises:
        NotFoundError: If the vector or a set version does not exist.
        InputError: If the two sets are the same, the window is not of the prompt, or the vector
            belongs to another model and that is not meant.
        ShapeError: If the vector does not fit its model or layers.
    """
    check_dtype(dtype)
    with db.read() as tx:
        stored_vector = vectors.get_vector(tx, vector)
        model = model or models.get_model(tx, str(stored_vector.model_id))
    check_belongs(db, model, [vector], other_model=other_model)
    owner = owner_if_other(db, stored_vector, model)
    with db.write() as tx:
        check_fits(stored_vector, model, layers)
        versions = [
            sets.resolve_version(tx, SetReference.parse(reference))
            for reference in (positive, negative)
        ]
        if versions[0].content_sha256 == versions[1].content_sha256:
            raise InputError(
                f"{versions[0].label} and {versions[1].label} hold the same demonstrations. A "
                "threshold needs prompts that should meet it and others."
            )
        spec = SearchSpec(
            model_fingerprint=model.fingerprint,
            vector_sha256=stored_vector.content_sha256,
            vector_model=owner,
            positive_sha256=versions[0].content_sha256,
            negative_sha256=versions[1].content_sha256,
            measure=measure,
            window=window,
            site=site,
            layers=layers,
            dtype=dtype,
            chat=chat,
        )
        request = ThresholdRequest(
            spec=spec,
            model_id=model.id,
            vector_id=stored_vector.id,
            positive_version_id=versions[0].id,
            negative_version_id=versions[1].id,
        )
        return ask(
            tx,
            request,
            found=None if force else threshold_searches.find_by_spec(tx, spec.sha256),
            read=job_reader(db, "condition_search_id", threshold_searches.get_search),
            actor=actor,
            priority=priority,
            queue=queue,
        )


def get(db: Database, search_id: int) -> ConditionSearch:
    """The search with that id.

    Raises:
        NotFoundError: If there is none.
    """
    with db.read() as tx:
        return threshold_searches.get_search(tx, search_id)


def list_searches(db: Database, *, vector: str | None = None) -> list[ConditionSearch]:
    """Searches, newest first, of all vectors or of one."""
    with db.read() as tx:
        vector_id = None if vector is None else vectors.get_vector(tx, vector).id
        return threshold_searches.list_searches(tx, vector_id=vector_id)


def searches_frame(searches: Sequence[ConditionSearch]) -> pd.DataFrame:
    """Searches for thresholds as a table, one row each."""
    return pd.DataFrame(
        {
            "id": [search.id for search in searches],
            "vector": [search.vector_name for search in searches],
            "model": [search.model_name for search in searches],
            "condition": [spell(search.condition, search.vector_name) for search in searches],
            "positive": [search.positive_label for search in searches],
            "negative": [search.negative_label for search in searches],
            "accuracy": [search.accuracy for search in searches],
            "f1": [search.f1 for search in searches],
            "made": [search.created_at for search in searches],
        }
    )


def spell(condition: Condition, vector_name: str) -> str:
    """A condition as ``parse_condition`` reads it."""
    text = (
        f"{vector_name}@{condition.layer} {condition.measure} {condition.comparison} "
        f"{condition.threshold!r}"
    )
    if condition.window != Positions.PROMPT:
        text += f" over {condition.window}"
    return text if condition.site is Site.BLOCK_OUTPUT else f"{text} at {condition.site}"


def never_crossed(search: ConditionSearch) -> str | None:
    """A sentence for a search whose texts do not lie on two sides; None if they do."""
    positive, negative = search.evidence["positive"], search.evidence["negative"]
    met = sum(map(search.condition.holds, positive)), sum(map(search.condition.holds, negative))
    if met[0] and met[1] < len(negative):
        return None
    return (
        f"No threshold tells the sets apart: the best is met by {met[0]} of {len(positive)} "
        f"positive and {met[1]} of {len(negative)} negative prompts."
    )


def _matched(text: str) -> "re.Match[str]":
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise InputError(f"Condition {text!r} is not understood. {HELP}")
    return match


def _check_searched_on(model: Model, search: ConditionSearch) -> None:
    """A threshold that was found on one model says nothing of another."""
    if search.model_id == model.id:
        return
    flag = "" if search.spec.vector_model == model.fingerprint else " --other-model"
    raise InputError(
        f"Threshold search {search.id} was made on model {search.model_name!r}, not on "
        f"{model.name!r}. Search on this one: vectorlab vectors threshold {search.vector_name} "
        f"--positive {search.positive_label} --negative {search.negative_label} "
        f"--model {model.name}{flag}"
    )


def _fitting(db: Database, model: Model, condition: Condition, reference: str) -> Condition:
    with db.read() as tx:
        vector = vectors.get_vector(tx, reference)
        layers = [part.layer for part in vectors.layer_infos(tx, vector.id)]
    check_fits(vector, model, (condition.layer,))
    if condition.layer not in layers:
        raise InputError(
            f"Vector {vector.name!r} has no layer {condition.layer} for a condition; it has "
            f"{', '.join(map(str, layers))}."
        )
    return condition
