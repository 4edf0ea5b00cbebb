"""Arms of a run: a sweep of vectors and strengths, or arms that are written out one by one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from vectorlab.domain.interventions.arms import (
    Arm,
    Combine,
    Intervention,
    check_arm,
    check_measured_before,
    check_strength,
)
from vectorlab.domain.interventions.layer_ranges import (
    LayerChoice,
    parse_choice,
    spell_choice,
)
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.models import Model
from vectorlab.domain.vectors.vectors import Site, SteeringVector
from vectorlab.errors import InputError
from vectorlab.services.vectors.calibrations import calibrated_layers, unit_strength
from vectorlab.services.vectors.options import VectorOptions
from vectorlab.services.vectors.thresholds import spell, vector_read
from vectorlab.services.vectors.usual import in_words
from vectorlab.services.vectors.vectors import check_fits
from vectorlab.store.database import Database
from vectorlab.store.vectors import vectors

BASELINE = Arm(label="baseline")
HELP = (
    'Write for example "a:0.1,b:0.2" or '
    '"a:0.1:layers=0-3,7:positions=prompt:last=2,b:2:operator=add:schedule=first:8".'
)
OPTIONS = ("operator", "site", "positions", "layers", "schedule", "when")


@dataclass(frozen=True, kw_only=True)
class SweepOptions(VectorOptions):
    """How the vectors of a run act, each alone or together.

    Attributes:
        layers: That are steered: some, ``"all"`` that a vector has, or, with None, the usual ones:
            one where what is written adds up over layers, unless its convention says otherwise.
        together: All vectors in one arm instead of one arm each.
        combine: How the pushes of several vectors in one arm add up.
        calibrated: Strengths count in the calibrated strength of each vector.
    """

    layers: LayerChoice = None
    together: bool = False
    combine: Combine = Combine.MEAN
    calibrated: bool = False

    def layers_meant(
        self, db: Database, model: Model, vector: SteeringVector
    ) -> tuple[int, ...] | None:
        """The layers of a vector that are steered; None for all it has."""
        usual = self.usual(db, vector)
        if not self.calibrated or self.layers is not None:
            return usual.chosen(self.layers)
        return calibrated_layers(
            db,
            vector,
            model,
            operator=Operator(self.operator or vector.operator),
            site=self.site or vector.write_site,
            usual=usual.layers,
        )


@dataclass(frozen=True, kw_only=True)
class Term:
    """One vector of an arm that is written out; None takes what the run's options say."""

    vector: str  # name, id or hash prefix
    strength: float
    operator: Operator | None = None
    site: Site | None = None
    positions: Positions | None = None
    layers: LayerChoice = None
    schedule: Schedule | None = None
    when: str | None = None


def build_arms(
    db: Database,
    *,
    model: Model,
    references: Sequence[str],
    strengths: Sequence[float],
    options: SweepOptions,
    written: Sequence[str | Sequence[Term]] = (),
) -> tuple[Arm, ...]:
    """The baseline, one arm per vector and strength, and one for each that is written out.

    Strength 0 is the baseline.

    Args:
        db: The store.
        model: The vectors have to fit it.
        references: Vectors of the sweep.
        strengths: Of the sweep; without any, each vector has its usual one.
        options: For all of them, unless a written arm says otherwise.
        written: Arms as ``parse_arm`` reads them.

    Raises:
        NotFoundError: If a vector does not exist.
        InputError: If a strength is not finite or belongs to no vector, or an arm cannot be read.
        ShapeError: If a vector does not fit the model.
    """
    if strengths and not references:
        raise InputError(
            "A strength belongs to a vector: give --vector NAME with it, or leave --strength out."
        )
    groups = [references] if options.together else [[reference] for reference in references]
    swept = [terms for group in groups if group for terms in _swept(db, group, strengths, options)]
    own = [_terms(written_arm) for written_arm in written]
    if options.together and not strengths:
        own += swept  # which differ in strength, so that each is said
    arms = [_arm(db, model, terms, options, named=terms in own) for terms in [*swept, *own]]
    return (BASELINE, *(check_arm(arm) for arm in arms if not arm.is_baseline))


def usual_in_words(
    db: Database,
    references: Sequence[str],
    options: SweepOptions,
    written: Sequence[str | Sequence[Term]] = (),
) -> list[str]:
    """A sentence for every vector that acts on fewer layers than all because none were named.

    Raises:
        NotFoundError: If a vector does not exist.
        InputError: If an arm cannot be read.
    """
    terms = [Term(vector=reference, strength=0) for reference in references]
    terms += [term for arm in written for term in _terms(arm)]
    sentences = []
    for term in terms:
        said = said_by(term, options)
        with db.read() as tx:
            vector = vectors.get_vector(tx, term.vector)
        usual = said.usual(db, vector)
        if said.layers is not None or usual.layers is None:
            continue
        operator = Operator(said.operator or vector.operator)
        sentences.append(in_words(vector, operator, usual, is_calibrated=said.calibrated))
    return list(dict.fromkeys(sentences))


def vectors_named(
    db: Database,
    references: Sequence[str],
    options: SweepOptions,
    written: Sequence[str | Sequence[Term]] = (),
) -> list[str]:
    """Every vector that ``build_arms`` would apply or read, as it is named.

    Raises:
        InputError: If an arm or a condition cannot be read.
        NotFoundError: If a condition names a search that does not exist.
    """
    terms = [term for arm in written for term in _terms(arm)]
    conditions = [term.when for term in terms] + ([options.when] if references or terms else [])
    return [
        *references,
        *(term.vector for term in terms),
        *(vector_read(db, text) for text in conditions if text is not None),
    ]


def spell_arm(terms: Sequence[Term]) -> str:
    """An arm as ``parse_arm`` reads it, every digit of its strengths."""
    return ",".join(_spell(term) for term in terms)


def parse_arm(text: str) -> tuple[Term, ...]:
    """Read ``"a:0.1,b:0.2"`` as the vectors of one arm, each with its strength.

    A vector may go on with ``:operator=``, ``:site=``, ``:positions=``, ``:layers=``,
    ``:schedule=`` and ``:when=``.

    Raises:
        InputError: If it cannot be read.
    """
    number = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf)"
    # A comma may also stand in a list of layers or tokens; a name and a number begin a vector.
    beginning = re.compile(rf"(?:^|,)\s*([^\s,:=]+)\s*:\s*({number})\s*(?=[:,]|$)", re.IGNORECASE)
    beginnings = list(beginning.finditer(text))
    if not beginnings or beginnings[0].start() != 0:
        raise InputError(f"Arm {text!r} is not understood. {HELP}")
    ends = [match.start() for match in beginnings[1:]] + [len(text)]
    return tuple(
        _term(match[1], float(match[2]), text[match.end() : end], text)
        for match, end in zip(beginnings, ends, strict=True)
    )


def _swept(
    db: Database, group: Sequence[str], strengths: Sequence[float], options: SweepOptions
) -> list[list[Term]]:
    """An arm's vectors at every strength, or each at its usual one."""
    if strengths:
        return [
            [Term(vector=reference, strength=strength) for reference in group]
            for strength in dict.fromkeys(check_strength(strength) for strength in strengths)
        ]
    terms = []
    for reference in group:
        with db.read() as tx:
            vector = vectors.get_vector(tx, reference)
        usual = 1.0 if options.calibrated else options.usual(db, vector).strength
        terms.append(Term(vector=reference, strength=usual))
    return [terms]


def _terms(written: str | Sequence[Term]) -> Sequence[Term]:
    return parse_arm(written) if isinstance(written, str) else written


def _term(vector: str, strength: float, rest: str, text: str) -> Term:
    term = Term(vector=vector, strength=check_strength(strength))
    if not rest:
        return term
    parts = re.split(rf":\s*(?=(?:{'|'.join(OPTIONS)})=)", rest)
    names = [part.partition("=")[0] for part in parts[1:]]
    if parts[0].strip() or not names or len(set(names)) < len(names):
        raise InputError(f"{rest!r} in arm {text!r} is not understood. {HELP}")
    options: dict[str, Any] = {}
    for part in parts[1:]:
        name, _, value = part.partition("=")
        options[name] = parse_option(name, value.strip())
    return replace(term, **options)


def parse_option(name: str, value: str) -> Any:
    """What a vector of an arm says itself, one of ``OPTIONS``.

    Raises:
        InputError: If it cannot be read.
    """
    if name == "positions":
        return Positions.parse(value)
    if name == "schedule":
        return Schedule.parse(value)
    if name == "layers":
        return parse_choice(value)
    if name == "when":
        return value
    known = Operator if name == "operator" else Site
    if value not in list(known):
        raise InputError(f"There is no {name} {value!r}. Known are {', '.join(known)}.")
    return known(value)


def _arm(
    db: Database, model: Model, terms: Sequence[Term], options: SweepOptions, *, named: bool
) -> Arm:
    arm_vectors = []
    for term in terms:
        with db.read() as tx:
            vector = vectors.get_vector(tx, term.vector)
        layers = term.layers or options.layers
        check_fits(vector, model, None if layers == "all" else layers)
        arm_vectors.append(vector)
    interventions = tuple(
        _intervention(db, model, vector, term, options)
        for vector, term in zip(arm_vectors, terms, strict=True)
    )
    if options.calibrated:
        interventions = tuple(
            _calibrated(db, vector, model, intervention)
            for vector, intervention in zip(arm_vectors, interventions, strict=True)
        )
    if named:
        parts = zip(arm_vectors, terms, interventions, strict=True)
        label = ", ".join(_label(db, model, *part) for part in parts)
    else:
        names = " + ".join(vector.name for vector in arm_vectors)
        label = f"{names} {terms[0].strength:+g}{' calibrated' * options.calibrated}"
        label += _in_brackets([*_owners(arm_vectors, model), *_course(db, interventions[0])])
    return Arm(label=label, interventions=interventions, combine=options.combine)


def _intervention(
    db: Database, model: Model, vector: SteeringVector, term: Term, options: SweepOptions
) -> Intervention:
    said = said_by(term, options)
    intervention = Intervention(
        strength=term.strength,
        layers=said.layers_meant(db, model, vector),
        **said.acting(db, model, vector),
    )
    with db.read() as tx:
        own = [part.layer for part in vectors.layer_infos(tx, vector.id)]
    check_measured_before(intervention, own if intervention.layers is None else intervention.layers)
    return intervention


def said_by(term: Term, options: SweepOptions) -> SweepOptions:
    """What a vector of an arm says itself, and the run's options for the rest."""
    overrides = {name: getattr(term, name) for name in OPTIONS}
    return replace(
        options, **{name: value for name, value in overrides.items() if value is not None}
    )


def _calibrated(
    db: Database, vector: SteeringVector, model: Model, intervention: Intervention
) -> Intervention:
    unit = unit_strength(
        db,
        vector,
        model,
        operator=intervention.operator,
        site=intervention.site,
        layers=intervention.layers,
        schedule=intervention.schedule,
        condition=intervention.condition,
    )
    return replace(intervention, strength=intervention.strength * unit)


def _label(
    db: Database, model: Model, vector: SteeringVector, term: Term, intervention: Intervention
) -> str:
    """Name and strength, what the arm says beside them, and when it acts if that is not always."""
    layers = None if term.layers is None else f"layers {spell_choice(term.layers)}"
    options = [term.operator, term.site, term.positions, layers]
    course = _course(db, intervention)
    if term.schedule == Schedule.CONSTANT:
        course.insert(0, str(term.schedule))
    if term.when is not None:
        course[-1] = f"when {term.when}"
    details = [str(value) for value in options if value is not None]
    details = [*_owners([vector], model), *details, *course]
    return f"{vector.name} {term.strength:+g}{_in_brackets(details)}"


def _owners(applied: Sequence[SteeringVector], model: Model) -> list[str]:
    """Whose the vectors are, where they are another model's."""
    owners = dict.fromkeys(vector.model_name for vector in applied if vector.model_id != model.id)
    return [f"vector of {owner}" for owner in owners]


def _course(db: Database, intervention: Intervention) -> list[str]:
    """Schedule and condition, where there are any: an arm with them is another one."""
    course = [] if intervention.schedule == Schedule.CONSTANT else [str(intervention.schedule)]
    if intervention.condition is not None:
        with db.read() as tx:
            name = vectors.get_vector(tx, str(intervention.condition.vector_id)).name
        course.append(f"when {spell(intervention.condition, name)}")
    return course


def _in_brackets(details: Sequence[str]) -> str:
    return f" ({', '.join(details)})" if details else ""


def spelt_options(term: Term) -> dict[str, str]:
    """What a vector says itself, as ``parse_option`` reads it, by name."""
    values: dict[str, Any] = {name: getattr(term, name) for name in OPTIONS}
    if term.layers is not None:
        values["layers"] = spell_choice(term.layers)
    return {name: str(value) for name, value in values.items() if value is not None}


def term_of(db: Database, model: Model, intervention: Intervention) -> Term:
    """A vector at work as an arm says it: what it would not do by itself, and nothing else.

    Args:
        db: The store, which has the vector.
        model: The model that is steered.
        intervention: The vector at work.
    """
    with db.read() as tx:
        vector = vectors.vector_by_id(tx, intervention.vector_id)
    plain = Term(vector=vector.name, strength=intervention.strength)
    usual = _intervention(db, model, vector, plain, SweepOptions())
    said = {
        name: getattr(intervention, name)
        for name in ("operator", "site", "positions", "layers", "schedule")
        if getattr(intervention, name) != getattr(usual, name)
    }
    if "layers" in said and said["layers"] is None:
        said["layers"] = "all"
    if intervention.condition is not None:
        with db.read() as tx:
            read = vectors.vector_by_id(tx, intervention.condition.vector_id)
        said["when"] = spell(intervention.condition, read.name)
    return replace(plain, **said)


def _spell(term: Term) -> str:
    options = [f":{name}={value}" for name, value in spelt_options(term).items()]
    return f"{term.vector}:{term.strength!r}{''.join(options)}"
