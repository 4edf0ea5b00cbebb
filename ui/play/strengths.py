"""A slider and a number for the strength of every vector; both, and the address, agree."""

import math
from collections.abc import Sequence
from decimal import Decimal

import streamlit as st

from vectorlab.domain.browsing import VectorChoice
from vectorlab.domain.methods import default_operator
from vectorlab.domain.runs import STRENGTH_UNITS, Operator

# Lowest, highest, step and first strength of the slider; the number takes any.
RANGES: dict[Operator, tuple[float, float, float, float]] = {
    Operator.ROTATE: (-0.5, 0.5, 0.01, 0.1),
    Operator.ADD: (-4.0, 4.0, 0.1, 1.0),
    Operator.ADD_NORM_PRESERVING: (-4.0, 4.0, 0.1, 1.0),
    Operator.ABLATE: (0.0, 1.0, 0.05, 1.0),
    Operator.PROJECT_TO: (0.0, 1.0, 0.05, 1.0),
}
PARAMETER = "at"  # of the address, once per vector: name:strength


def usual(method: str) -> float:
    """The strength that a vector of that method begins with."""
    return RANGES[default_operator(method)][3]


def times(factor: float, strength: float) -> float:
    """The product as decimal numbers give it: 1.5 times 0.1 is 0.15."""
    return float(Decimal(repr(factor)) * Decimal(repr(strength)))


def choose(chosen: Sequence[VectorChoice], operator: Operator | None) -> list[tuple[str, float]]:
    """The strength of each vector, in order."""
    given = _given()
    found = []
    for item in chosen:
        used = operator or default_operator(item.method)
        low, high, step, usual = RANGES[used]
        value = given.get(item.name, usual)
        slider, number = f"play.slider.{item.name}", f"play.number.{item.name}"
        st.session_state.setdefault(number, value)
        st.session_state.setdefault(slider, min(high, max(low, value)))
        st.session_state[slider] = min(high, max(low, float(st.session_state[slider])))
        left, right = st.columns([3, 1], vertical_alignment="bottom")
        left.slider(
            f"Strength of {item.name.replace('_', chr(92) + '_')}",
            low,
            high,
            step=step,
            key=slider,
            on_change=_follow,
            args=(slider, number, item.name, low, high),
            help=STRENGTH_UNITS[used],
        )
        right.number_input(
            "Number",
            step=step,
            format="%.4g",
            key=number,
            on_change=_follow,
            args=(number, slider, item.name, low, high),
            label_visibility="collapsed",
        )
        found.append((item.name, float(st.session_state[number])))
    return found


def _given() -> dict[str, float]:
    found = {}
    for text in st.query_params.get_all(PARAMETER):
        name, _, number = text.rpartition(":")
        try:
            value = float(number)
        except ValueError:
            continue
        if name and math.isfinite(value):
            found[name] = value
    return found


def _follow(moved: str, other: str, name: str, low: float, high: float) -> None:
    value = float(st.session_state[moved])
    is_slider = other.startswith("play.slider.")
    st.session_state[other] = min(high, max(low, value)) if is_slider else value
    known = _given() | {name: value}
    st.query_params[PARAMETER] = [f"{key}:{number!r}" for key, number in known.items()]
