"""A slider and a number for the strength of every vector; both, and the address, agree."""

import math
from collections.abc import Sequence
from decimal import Decimal

import streamlit as st

from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.runs.lists import VectorChoice

PARAMETER = "at"  # of the address, once per vector: name:strength


def times(factor: float, strength: float) -> float:
    """The product as decimal numbers give it: 1.5 times 0.1 is 0.15."""
    return float(Decimal(repr(factor)) * Decimal(repr(strength)))


def choose(chosen: Sequence[VectorChoice], operator: Operator | None) -> list[tuple[str, float]]:
    """The strength of each vector, in order."""
    in_address = _given()
    pairs = []
    for vector in chosen:
        used = operator or vector.operator
        strengths = used.info.slider
        low, high = strengths.lowest, strengths.highest
        value = in_address.get(vector.name, strengths.start)
        slider, number = f"play.slider.{vector.name}", f"play.number.{vector.name}"
        st.session_state.setdefault(number, value)
        st.session_state.setdefault(slider, min(high, max(low, value)))
        st.session_state[slider] = min(high, max(low, float(st.session_state[slider])))
        left, right = st.columns([3, 1], vertical_alignment="bottom")
        left.slider(
            f"Strength of {vector.name.replace('_', chr(92) + '_')}",
            low,
            high,
            step=strengths.step,
            key=slider,
            on_change=_follow,
            args=(slider, number, vector.name, low, high),
            help=f"Unit of the strength: {used.info.unit}.",
        )
        right.number_input(
            "Number",
            step=strengths.step,
            format="%.4g",
            key=number,
            on_change=_follow,
            args=(number, slider, vector.name, low, high),
            label_visibility="collapsed",
        )
        pairs.append((vector.name, float(st.session_state[number])))
    return pairs


def forget(vector: str) -> None:
    """Let the address alone say the strength of a vector."""
    for kind in ("slider", "number"):
        st.session_state.pop(f"play.{kind}.{vector}", None)


def _given() -> dict[str, float]:
    strengths = {}
    for text in st.query_params.get_all(PARAMETER):
        name, _, number = text.rpartition(":")
        try:
            value = float(number)
        except ValueError:
            continue
        if name and math.isfinite(value):
            strengths[name] = value
    return strengths


def _follow(moved: str, other: str, name: str, low: float, high: float) -> None:
    value = float(st.session_state[moved])
    is_slider = other.startswith("play.slider.")
    st.session_state[other] = min(high, max(low, value)) if is_slider else value
    known = _given() | {name: value}
    st.query_params[PARAMETER] = [f"{key}:{number!r}" for key, number in known.items()]
