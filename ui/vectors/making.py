"""Vectors made of vectors: sums, projections, unit length, and the length that does a damage."""

from collections.abc import Callable, Sequence

import streamlit as st

from ui import cached
from ui.frame import job_panels, navigation, notes
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE
from vectorlab.domain.scores.divergence import KL
from vectorlab.domain.vectors.vectors import SteeringVector
from vectorlab.services.runs import lists
from vectorlab.services.vectors import algebra, vectors

SUM, OUT, ORTHOGONAL = OF_SEVERAL = ("weighted sum", "project out", "make orthogonal")
UNIT, EQUAL = OF_ONE = ("unit length", "equal damage")


def of_several(chosen: Sequence[SteeringVector]) -> None:
    """A form that stores a vector, or some, made of those that stand side by side."""
    with st.expander("Make a vector of them", expanded="make" in st.query_params):
        kind = navigation.one_of("What is made", OF_SEVERAL, key="make", what="way to make one")
        names = [vector.name for vector in chosen]
        if kind == SUM:
            _sum(names)
        elif kind == OUT:
            _project_out(names)
        else:
            _orthogonalise(names)


def of_one(vector: SteeringVector) -> None:
    """A form that stores a vector of another length."""
    with st.expander("Make another of it", expanded="make" in st.query_params):
        kind = navigation.one_of("What is made", OF_ONE, key="make", what="way to make one")
        if kind == UNIT:
            st.caption("Unit length at every layer; the natural norms are kept with it.")
            name = _name(f"{vector.name}-unit")
            _button(
                "Store it", lambda: _only(algebra.normalise, vector.name, name=name, actor=_actor())
            )
        else:
            _equalise(vector)


def _sum(names: Sequence[str]) -> None:
    expression = st.text_input(
        "Sum",
        value=" + ".join(names),
        key="sum",
        bind="query-params",
        help="Weights and names, such as 0.5*a + b - c, with spaces around a minus.",
    )
    name = _name("-".join(names) + "-sum")
    _button(
        "Store the sum",
        lambda: _only(
            vectors.combine, name=name, terms=vectors.parse_terms(expression), actor=_actor()
        ),
    )


def _project_out(names: Sequence[str]) -> None:
    st.caption("What is left of a vector outside the span of the others, layer by layer.")
    kept = st.selectbox("Vector that is kept", names, key="kept", bind="query-params")
    removed = [name for name in names if name != kept]
    name = _name(f"{kept}-alone")
    _button(
        "Store what is left",
        lambda: _only(algebra.project_out, kept, removed, name=name, actor=_actor()),
    )


def _orthogonalise(names: Sequence[str]) -> None:
    st.caption(
        "Every vector but the first without the directions of those before it, in the order of "
        "the page; the first stays as it is."
    )
    suffix = st.text_input(
        "Ending of the new names", value="-orthogonal", key="suffix", bind="query-params"
    )
    _button(
        "Store them",
        lambda: [
            made.name
            for made in algebra.orthogonalise(cached.store(), names, suffix=suffix, actor=_actor())
        ],
    )


def _equalise(vector: SteeringVector) -> None:
    st.caption("At strength 1 the new vector does the damage that is asked for, on all its layers.")
    labels = lists.version_labels(cached.store())
    navigation.say_unknown("texts", labels, what="set version")
    left, right = st.columns(2)
    texts = left.selectbox("Texts that it is measured on", labels, key="texts", bind="query-params")
    kl = right.number_input(
        "Mean divergence per token, in nats",
        min_value=0.0,
        value=0.1,
        key="kl_wanted",
        bind="query-params",
        format="%g",
    )
    scaled = [operator for operator in Operator if operator.info.scales_with_length]
    operator = left.selectbox("Operator", scaled, key="scaled_by", bind="query-params")
    direction = right.selectbox(
        "Divergence",
        list(KL),
        format_func=lambda item: item.formula,
        key="direction",
        bind="query-params",
    )
    name = _name(f"{vector.name}-equal")
    if st.button("Measure and store it", type="primary", disabled=not texts):
        job_panels.ask(
            lambda: algebra.request_equalisation(
                cached.store(),
                vector.name,
                kl=kl,
                texts=str(texts),
                operator=operator,
                name=name,
                direction=KL(str(direction)),
                actor=_actor(),
                priority=PRIORITY_INTERACTIVE,
            )
        )


def _name(usual: str) -> str:
    typed = st.text_input(
        "Name of the new vector", key="new_name", bind="query-params", placeholder=usual
    )
    return (typed or "").strip() or usual


def _only(make: Callable[..., SteeringVector], *given: object, **named: object) -> list[str]:
    """The name of the one vector that a service makes."""
    return [make(cached.store(), *given, **named).name]


def _button(label: str, make: Callable[[], Sequence[str]]) -> None:
    """Stores what is made, and opens it."""
    if st.button(label, type="primary"):
        with notes.errors_as_panel():
            navigation.go("vectors", vector=list(make()))


def _actor() -> str:
    return cached.user()
