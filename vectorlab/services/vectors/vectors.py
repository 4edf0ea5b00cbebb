"""Steering vectors: ask for an extraction, look at what was made, combine, compare."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Any

from vectorlab.domain.codec import ids_in
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.jobs.jobs import DEFAULT_QUEUE, PRIORITY_BATCH
from vectorlab.domain.models import Model, check_dtype
from vectorlab.domain.sets.versions import SetReference, check_name
from vectorlab.domain.ties import in_order
from vectorlab.domain.vectors.conventions import Convention, convention_named
from vectorlab.domain.vectors.methods import COMBINED, method_info
from vectorlab.domain.vectors.passages import ChatForm, ThinkingMarkers
from vectorlab.domain.vectors.vectors import (
    Alignment,
    ExtractionSpec,
    LayerVector,
    LayerVectorInfo,
    NewVector,
    Origin,
    ParentWeight,
    Site,
    SteeringVector,
    TokenRule,
    check_passages,
    check_reading,
)
from vectorlab.errors import ConflictError, InputError, ShapeError
from vectorlab.services.sets.sets import check_pairs
from vectorlab.store import audit, models
from vectorlab.store.database import Database, Transaction
from vectorlab.store.sets import sets
from vectorlab.store.vectors import vectors

if TYPE_CHECKING:
    from vectorlab.services.asking import Asked


@dataclass(frozen=True, kw_only=True)
class ExtractionOptions:
    """Everything about an extraction beside set and model.

    Attributes:
        convention: Whose way of making and applying a vector stands for what is not given here;
            ``caa``, ``icv``, ``repeng`` or ``steering-vectors``.
        method: How the numbers are made of the pairs; None takes the convention's, without one
            ``icv``.
        parameters: Of the method.
        read_site: Where in a block states are read; None takes the method's default.
        write_site: Where in a block the vector will act; None takes the method's default.
        token_rule: Whose state stands for a text; None takes the convention's, without one the last
            token's.
        strip_punctuation: Delete ASCII punctuation from the texts, as the original ICV code does;
            None does as the convention, without one not.
        add_special_tokens: Let the tokenizer add BOS where it would.
        dtype: The model computes in this.
        chat: How a text takes part in a conversation.
        template: Around every text, with ``{text}``.
        thinking: Markers around the model's thinking; None takes those that are recognised.
    """

    convention: Convention | str | None = None
    method: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    read_site: Site | None = None
    write_site: Site | None = None
    token_rule: TokenRule | None = None
    strip_punctuation: bool | None = None
    add_special_tokens: bool = True
    dtype: str = "float32"
    chat: ChatForm = ChatForm.NONE
    template: str = ""
    thinking: ThinkingMarkers | None = None

    def reading(self) -> dict[str, Any]:
        """The fields of the request that a convention stands for, and the convention.

        Raises:
            InputError: If the method or the convention is unknown.
        """
        convention = None if self.convention is None else convention_named(self.convention)
        usual = None if convention is None else convention.info
        info = method_info(self.method or ("icv" if usual is None else usual.method))
        own = usual if usual is not None and usual.method == info.name else None
        rule = TokenRule.LAST if usual is None else usual.token_rule
        strip = usual is not None and usual.strip_punctuation
        return {
            "convention": convention,
            "method": info.name,
            "parameters": self.parameters or ({} if own is None else own.parameters),
            "read_site": self.read_site or (own or info).read_site,
            "write_site": self.write_site or (own or info).write_site,
            "token_rule": self.token_rule or rule,
            "strip_punctuation": strip
            if self.strip_punctuation is None
            else self.strip_punctuation,
        }


@dataclass(frozen=True, kw_only=True)
class VectorDetails:
    """One vector with all that is stored about it except its numbers."""

    vector: SteeringVector
    layers: list[LayerVectorInfo]
    alignments: list[Alignment]
    parents: list[ParentWeight]
    environment: Mapping[str, Any]  # software, device, how many states were reused
    spec: ExtractionSpec | None  # what it was extracted by; None for one that was not


def extraction_of(
    db: Database, set_reference: str, model: Model, options: ExtractionOptions
) -> ExtractionSpec:
    """The request for a vector of a set version.

    Raises:
        NotFoundError: If the set or version does not exist.
        InputError: If the method is unknown, the version holds anything but proper pairs, or its
            texts cannot be read as asked.
    """
    reading = options.reading()
    check_dtype(options.dtype)
    check_reading(reading["token_rule"], options.chat, options.template)
    if options.chat is not ChatForm.NONE and model.description.chat_template_sha256 is None:
        raise InputError(
            f"Model {model.name!r} has no chat template, which --chat {options.chat} needs. Use a "
            "chat model, or read the texts as they are: --chat none."
        )
    with db.read() as tx:
        version = sets.resolve_version(tx, SetReference.parse(set_reference))
        items = sets.demonstrations(tx, version.id)
    check_pairs(version.label, items, minimum=method_info(reading["method"]).minimum_pairs)
    spec = ExtractionSpec(
        model_fingerprint=model.fingerprint,
        set_sha256=version.content_sha256,
        **reading,
        add_special_tokens=options.add_special_tokens,
        dtype=options.dtype,
        chat=options.chat,
        template=options.template,
        thinking=options.thinking,
    )
    check_passages(items, spec)
    return spec


def request_extraction(
    db: Database,
    *,
    set_reference: str,
    model: Model,
    options: ExtractionOptions,
    actor: str,
    name: str | None = None,
    force: bool = False,
    priority: int = PRIORITY_BATCH,
    queue: str = DEFAULT_QUEUE,
) -> "Asked[SteeringVector]":
    """Find the vector of an equal earlier request, or enqueue its extraction.

    Args:
        db: The store.
        set_reference: ``name``, ``name@latest`` or ``name@3``.
        model: The registered model that reads the demonstrations.
        options: Method, sites and the rest of the request.
        actor: Recorded as the one who asked.
        name: Name of the new vector; None makes one of set and version.
        force: Compute even when an equal request was answered before, and every state anew.
        priority: Of the job.
        queue: Only workers of this queue take the job.

    Raises:
        NotFoundError: If the set or version does not exist.
        InputError: If the method is unknown, the version holds anything but proper pairs, or its
            texts cannot be read as asked.
        ConflictError: If the name belongs to another vector, or an equal job has another name.
    """
    from vectorlab.domain.jobs.requests import ExtractRequest
    from vectorlab.services.asking import ask, job_reader

    with db.read() as tx:
        version = sets.resolve_version(tx, SetReference.parse(set_reference))
    spec = extraction_of(db, version.label, model, options)
    request = ExtractRequest(
        spec=spec,
        set_version_id=version.id,
        set_label=version.label,
        model_id=model.id,
        name=name,
        fresh_states=force,
    )
    with db.write() as tx:
        vector = None if force else vectors.find_by_spec(tx, spec.sha256, name=name)
        if name is not None and (vector is None or name != vector.name):
            check_free(tx, check_name("vector", name), request.dedupe_key)
            vector = None if vector is None else _second_name(tx, vector, name, spec, actor)
        return ask(
            tx,
            request,
            found=vector,
            read=job_reader(db, "vector_id", vectors.vector_by_id),
            actor=actor,
            priority=priority,
            queue=queue,
        )


def get(db: Database, reference: str) -> SteeringVector:
    """The vector with that name, id or content hash prefix.

    Raises:
        NotFoundError: If there is none.
    """
    with db.read() as tx:
        return vectors.get_vector(tx, reference)


def list_vectors(
    db: Database,
    *,
    model: str | None = None,
    set_name: str | None = None,
    method: str | None = None,
) -> list[SteeringVector]:
    """Vectors, newest first, optionally of one model, set or method."""
    with db.read() as tx:
        model_id = None if model is None else models.get_model(tx, model).id
        return vectors.list_vectors(tx, model_id=model_id, set_name=set_name, method=method)


def names(db: Database) -> dict[int, str]:
    """Name of every vector by its id."""
    with db.read() as tx:
        return vectors.names(tx)


def names_in(db: Database, request: Any) -> dict[str, str]:
    """Names of what a request names by hash: its vectors, and models they belong to but its own."""
    ids = ids_in(request)
    if not ids:
        return {}
    with db.read() as tx:
        known = vectors.names(tx)
        owners = {*vectors.owners(tx, ids.values()).values()}
        owners -= {getattr(request, "model_fingerprint", None)}
        others = (
            {model.fingerprint: model.name for model in models.list_models(tx)} if owners else {}
        )
    named = {sha256: known[row] for sha256, row in ids.items() if row in known}
    return named | {owner: others[owner] for owner in owners}


def details(db: Database, reference: str) -> VectorDetails:
    """One vector with its layers, alignments and parents; no blob is read."""
    with db.read() as tx:
        vector = vectors.get_vector(tx, reference)
        return VectorDetails(
            vector=vector,
            layers=vectors.layer_infos(tx, vector.id),
            alignments=vectors.alignments(tx, vector.id),
            parents=vectors.parents(tx, vector.id),
            environment=vectors.environment(tx, vector.id),
            spec=vectors.extraction_spec(tx, vector.id),
        )


def layer_vectors(db: Database, vector: SteeringVector) -> list[LayerVector]:
    """The numbers of a vector, every byte checked against its hash.

    Raises:
        IntegrityError: If stored bytes do not have the hash, dtype or length on record.
    """
    with db.read() as tx:
        return vectors.layer_vectors(tx, vector.id)


def combine(
    db: Database, *, name: str, terms: Sequence[tuple[float, str]], actor: str
) -> SteeringVector:
    """Store the weighted sum of vectors, layer by layer, with its parents.

    Args:
        db: The store.
        name: Of the new vector.
        terms: Weight and reference of each parent; see ``parse_terms``.
        actor: Recorded as the one who combined.

    Raises:
        ShapeError: If the parents differ in layers, width or write site.
        ConflictError: If the name is taken.
    """
    check_name("vector", name)
    with db.write() as tx:
        parents = [(weight, vectors.get_vector(tx, reference)) for weight, reference in terms]
        check_combinable([vector for _, vector in parents])
        numbers = [(weight, vectors.layer_vectors(tx, vector.id)) for weight, vector in parents]
        first = parents[0][1]
        combined = vectors.add_vector(
            tx,
            NewVector(
                name=name,
                model_id=first.model_id,
                set_version_id=None,
                method=COMBINED,
                operator=_common_operator([vector for _, vector in parents]),
                parameters={"terms": [[weight, vector.name] for weight, vector in parents]},
                read_site=first.read_site,
                write_site=first.write_site,
                token_rule=first.token_rule,
                spec=None,
                origin=Origin.COMBINED,
                layers=_weighted_sum(numbers),
                parents=[
                    ParentWeight(vector_id=vector.id, weight=weight) for weight, vector in parents
                ],
            ),
            created_by=actor,
        )
        audit.record(
            tx,
            actor=actor,
            action="combine",
            object_kind="vector",
            object_id=combined.id,
            details={"name": name},
        )
    return combined


def parse_terms(expression: str) -> list[tuple[float, str]]:
    """Read ``"0.5*a + b - c"`` as weights and vector names.

    Raises:
        InputError: If the expression is not a sum of names with optional weights.
    """
    number = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
    name = r"[A-Za-z0-9][\w.]*(?:-[\w.]+)*"
    term = re.compile(rf"\s*(?P<sign>[+-]?)\s*(?:(?P<weight>{number})\s*\*\s*)?(?P<name>{name})\s*")
    terms: list[tuple[float, str]] = []
    position = 0
    while position < len(expression):
        match = term.match(expression, position)
        if match is None or (terms and not match["sign"]):
            raise InputError(
                f"Cannot read {expression[position:]!r} in {expression!r}. "
                'Write a sum such as "0.5*a + b - c"; put spaces around minus.'
            )
        weight = float(match["weight"] or 1)
        terms.append((-weight if match["sign"] == "-" else weight, match["name"]))
        position = match.end()
    if not terms:
        raise InputError('The expression is empty. Write a sum such as "0.5*a + b - c".')
    return terms


def similarities(db: Database, reference: str) -> list[tuple[SteeringVector, float]]:
    """Mean per-layer cosine of every other vector of the model, largest magnitude first.

    Of equal ones the newest is first.
    """
    from vectorlab.domain.vectors.geometry import shared_cosines

    with db.read() as tx:
        vector = vectors.get_vector(tx, reference)
        own = vectors.layer_vectors(tx, vector.id)
        similar = []
        for other in vectors.list_vectors(tx, model_id=vector.model_id):
            if other.id == vector.id:
                continue
            shared = shared_cosines(own, vectors.layer_vectors(tx, other.id))
            if shared:
                similar.append((other, fmean(shared.values())))
    return [similar[place] for place in in_order([abs(cosine) for _, cosine in similar])]


def rename(db: Database, reference: str, name: str, *, actor: str) -> SteeringVector:
    """Give a vector another name; runs that used it keep the labels they were made with.

    Raises:
        NotFoundError: If there is no such vector.
        InputError: If the name is unusable.
        ConflictError: If another vector has it, or a job is to give it.
    """
    from vectorlab.store import renaming

    with db.write() as tx:
        vector_id = vectors.get_vector(tx, reference).id
        renaming.rename(tx, "vector", vector_id, name, actor=actor)
        return vectors.vector_by_id(tx, vector_id)


def remove(db: Database, reference: str, *, cascade: bool, actor: str) -> list[str]:
    """Purge a vector; returns one line per thing that went.

    Raises:
        ConflictError: If runs or combined vectors depend on it and ``cascade`` is off.
    """
    from vectorlab.store import purge

    with db.write() as tx:
        return purge.purge_vector(tx, reference, cascade=cascade, actor=actor)


def what_goes(db: Database, reference: str) -> list[str]:
    """What purging a vector takes along, a line each, the vector itself first.

    Raises:
        NotFoundError: If there is no such vector.
    """
    from vectorlab.store import purge

    with db.read() as tx:
        return purge.what_goes(tx, "vector", vectors.get_vector(tx, reference).id)


def check_free(tx: Transaction, name: str, dedupe_key: str | None = None) -> None:
    """Return if no vector has the name, and none will get it by a job of another key.

    Raises:
        ConflictError: If one has, or will.
    """
    from vectorlab.domain.jobs.requests import ExtractRequest
    from vectorlab.store.jobs import names as job_names

    job_names.check_promised(tx, ExtractRequest.NAMES, name, dedupe_key)
    if not vectors.name_is_free(tx, name):
        raise ConflictError(
            f"Vector name {name!r} is taken by another vector. Choose another with --name, "
            f"or look at it: vectorlab vectors show {name}"
        )


def check_fits(vector: SteeringVector, model: Model, layers: Sequence[int] | None = None) -> None:
    """Refuse a vector of another width or depth than the model's.

    Raises:
        ShapeError: Naming both sizes.
    """
    shape = model.description
    cure = (
        f"Extract it for this model: vectorlab vectors extract --model {model.name} "
        f"--set {vector.set_label or 'SET'}"
    )
    if vector.d_model != shape.d_model:
        raise ShapeError(
            f"Vector {vector.name!r} has width {vector.d_model} but model {model.name!r} has "
            f"d_model {shape.d_model}. {cure}"
        )
    if vector.n_layers > shape.n_layers:
        raise ShapeError(
            f"Vector {vector.name!r} has {vector.n_layers} layers but model {model.name!r} has "
            f"{shape.n_layers}. {cure}"
        )
    beyond = [layer for layer in layers or () if not 0 <= layer < shape.n_layers]
    if beyond:
        raise ShapeError(
            f"Layer {beyond[0]} does not exist in model {model.name!r}; it has layers 0 to "
            f"{shape.n_layers - 1}."
        )


def _second_name(
    tx: Transaction, vector: SteeringVector, name: str, spec: ExtractionSpec, actor: str
) -> SteeringVector:
    """The same vector once more under the name that was asked for; nothing is computed."""
    copy = vectors.add_vector(
        tx,
        NewVector(
            name=name,
            model_id=vector.model_id,
            set_version_id=vector.set_version_id,
            method=vector.method,
            operator=vector.operator,
            parameters=vector.parameters,
            read_site=vector.read_site,
            write_site=vector.write_site,
            token_rule=vector.token_rule,
            spec=spec,
            origin=vector.origin,
            layers=vectors.layer_vectors(tx, vector.id),
            alignments=vectors.alignments(tx, vector.id),
            environment={"copy_of": vector.name},
        ),
        created_by=actor,
    )
    audit.record(
        tx,
        actor=actor,
        action="copy",
        object_kind="vector",
        object_id=copy.id,
        details={"name": name, "copy_of": vector.name},
    )
    return copy


def _common_operator(parents: Sequence[SteeringVector]) -> Operator:
    """The parents' operator where they agree; a sum of others is added."""
    operators = {vector.operator for vector in parents}
    return operators.pop() if len(operators) == 1 else Operator.ADD


def check_combinable(parents: Sequence[SteeringVector]) -> None:
    """Refuse vectors that cannot be added up.

    Raises:
        ShapeError: If they differ in model, layers, width or write site.
    """
    first = parents[0]
    for other in parents[1:]:
        if other.model_id != first.model_id:
            raise ShapeError(
                f"Vectors {first.name!r} of model {first.model_name!r} and {other.name!r} of "
                f"{other.model_name!r} cannot be combined: their models differ."
            )
        same = (other.d_model, other.n_layers, other.write_site) == (
            first.d_model,
            first.n_layers,
            first.write_site,
        )
        if not same:
            raise ShapeError(
                f"Vectors {first.name!r} ({first.n_layers} layers x {first.d_model}, "
                f"{first.write_site}) and {other.name!r} ({other.n_layers} layers x "
                f"{other.d_model}, {other.write_site}) cannot be combined; extract "
                "them alike, for example with --write-site."
            )


def _weighted_sum(numbers: Sequence[tuple[float, list[LayerVector]]]) -> list[LayerVector]:
    import numpy as np

    columns = zip(*(layers for _, layers in numbers), strict=True)
    weights = [weight for weight, _ in numbers]
    sums = []
    for column in columns:
        if len({part.layer for part in column}) > 1:
            raise ShapeError("The vectors to combine do not cover the same layers.")
        total = sum(
            weight * part.values.astype(np.float64)
            for weight, part in zip(weights, column, strict=True)
        )
        sums.append(LayerVector(layer=column[0].layer, values=np.asarray(total, dtype=np.float32)))
    return sums
