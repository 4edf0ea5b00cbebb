"""A slider and a number for the strength of every vector; both, and the address, agree."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import streamlit as st

from ui import cached, markup
from ui.frame import notes
from ui.runs import acting
from vectorlab.domain.interventions.operators import Operator, Slider
from vectorlab.domain.interventions.typed_strengths import parse_strength
from vectorlab.domain.models import Model
from vectorlab.domain.runs.lists import VectorChoice
from vectorlab.errors import InputError, NotFoundError
from vectorlab.services.runs.arms import SweepOptions, Term, parse_arm, said_by, spell_arm
from vectorlab.services.vectors import strengths, vectors
from vectorlab.services.vectors.strengths import UsualStrength

PARAMETER = "at"  # of the address, once per vector: an arm of it alone, as a command spells it
_CALIBRATED = Slider(lowest=-2.0, highest=2.0, step=0.05, start=1.0)  # in calibrated strengths


def times(factor: float, strength: float) -> float:
    """The product as decimal numbers give it: 1.5 times 0.1 is 0.15."""
    return float(Decimal(repr(factor)) * Decimal(repr(strength)))


def choose(
    chosen: Sequence[VectorChoice], model: Model, options: SweepOptions | None
) -> list[Term] | None:
    """Each vector with its strength and how it acts; None where one cannot be read, which is said.

    Args:
        chosen: The vectors.
        model: The model that they steer.
        options: How they act where none says otherwise; None where that cannot be read.
    """
    in_address = _given()
    terms, is_readable = [], True
    for vector in chosen:
        term = in_address.get(vector.name) or Term(vector=vector.name, strength=math.nan)
        own = options and said_by(term, options)
        usual = _usual(vector, model, own)
        if math.isnan(term.strength):
            term = replace(term, strength=_start(vector, usual))
        offered = _offered(vector, usual, own)
        unit, marks = _unit(vector, own), _marks(offered, usual)
        _draw(vector.name, offered, term.strength, unit=unit, marks=marks)
        if usual is not None:
            _say_where(vector.name, term.strength, usual)
        is_readable &= _says_a_number(vector.name)
        is_readable &= acting.choose(term, partial(_keep, strength=term.strength))
        terms.append(term)
    return terms if is_readable else None


def say_usual(chosen: Sequence[VectorChoice], model: Model, options: SweepOptions | None) -> None:
    """Beside strengths that are typed for all vectors: what is known of each."""
    for vector in chosen:
        usual = _usual(vector, model, options)
        if usual is not None:
            words = f"{vector.name}: {usual.in_words(usual.strength)}"
            st.html(markup.quiet(words) + _calibrate_link(vector.name, usual))


def forget(vector: str) -> None:
    """Let the address alone say the strength of a vector."""
    for kind in ("slider", "number"):
        st.session_state.pop(f"play.{kind}.{vector}", None)
    acting.forget(vector)


def _usual(
    vector: VectorChoice, model: Model, options: SweepOptions | None
) -> UsualStrength | None:
    """None where it cannot be read how the vector acts; the form says why."""
    db = cached.store()
    with suppress(InputError, NotFoundError):
        if options is not None:
            return strengths.usual_strength(db, vectors.get(db, vector.name), model, options)
    return None


def _start(vector: VectorChoice, usual: UsualStrength | None) -> float:
    return vector.operator.info.slider.start if usual is None else usual.strength


def _unit(vector: VectorChoice, options: SweepOptions | None) -> str:
    if options is not None and options.calibrated:
        return "the vector's calibrated strength"
    return _operator(vector, options).info.unit


def _operator(vector: VectorChoice, options: SweepOptions | None) -> Operator:
    return Operator((options and options.operator) or vector.operator)


def _offered(
    vector: VectorChoice, usual: UsualStrength | None, options: SweepOptions | None
) -> Slider:
    """What the slider offers: the operator's, with room and steps for a calibrated strength."""
    if options is not None and options.calibrated:
        return _CALIBRATED
    info = _operator(vector, options).info
    offered = info.slider
    if usual is None or usual.calibration is None:
        return offered
    reach = float(f"{1.5 * max(abs(usual.strength), abs(usual.limit or 0)):.1g}")
    reach = reach if info.most is None else min(reach, info.most)
    return Slider(
        lowest=min(offered.lowest, -reach) if offered.lowest < 0 or usual.strength < 0 else 0.0,
        highest=max(offered.highest, reach),
        step=min(offered.step, float(f"{abs(usual.strength) / 10:.0e}") or offered.step),
        start=usual.strength,
    )


def _draw(name: str, offered: Slider, value: float, *, unit: str, marks: str) -> None:
    low, high = offered.lowest, offered.highest
    slider, number = f"play.slider.{name}", f"play.number.{name}"
    st.session_state[slider] = min(high, max(low, value))
    typed = _read(st.session_state.get(number, ""))
    if number not in st.session_state or typed not in (None, value):
        st.session_state[number] = _spelt(value)
    left, right = st.columns([3, 1], vertical_alignment="center")
    left.slider(
        f"Strength of {name.replace('_', chr(92) + '_')}",
        low,
        high,
        step=offered.step,
        key=slider,
        on_change=_follow_slider,
        args=(name,),
        help=f"Unit of the strength: {unit}.",
    )
    if marks:
        left.html(marks)
    right.text_input(
        f"Strength of {name.replace('_', chr(92) + '_')} as a number",
        key=number,
        on_change=_follow_number,
        args=(name,),
        label_visibility="collapsed",
    )


def _marks(offered: Slider, usual: UsualStrength | None) -> str:
    """A mark at the calibrated strength, and another colour beyond the budget."""
    if usual is None or usual.calibration is None:
        return ""
    limit = usual.limit if usual.knows_limit else None
    return markup.marks(offered.lowest, offered.highest, at=usual.strength, beyond=limit)


def _say_where(name: str, value: float, usual: UsualStrength) -> None:
    """Where the slider stands, in words."""
    words = usual.in_words(value)
    said = markup.badge(words, "bad") if usual.is_beyond(value) else markup.quiet(words)
    st.html(said + _calibrate_link(name, usual))


def _says_a_number(name: str) -> bool:
    """Whether the number of a vector can be read; what cannot is said."""
    try:
        parse_strength(st.session_state[f"play.number.{name}"])
    except InputError as error:
        notes.show_error(error)
        return False
    return True


def _calibrate_link(name: str, usual: UsualStrength) -> str:
    if usual.calibration is not None:
        return ""
    return " " + markup.link("Calibrate it", "vectors", vector=name, effect="sentiment")


def _given() -> dict[str, Term]:
    terms: dict[str, Term] = {}
    for text in st.query_params.get_all(PARAMETER):
        with suppress(InputError):
            terms |= {term.vector: term for term in parse_arm(text)}
    return terms


def _spelt(value: float) -> str:
    return f"{value:.12g}"


def _read(text: str) -> float | None:
    with suppress(InputError):
        return parse_strength(text)
    return None


def _follow_slider(name: str) -> None:
    value = float(st.session_state[f"play.slider.{name}"])
    st.session_state[f"play.number.{name}"] = _spelt(value)
    _keep(name, {"strength": value})


def _follow_number(name: str) -> None:
    value = _read(st.session_state[f"play.number.{name}"])
    if value is not None:
        _keep(name, {"strength": value})


def _keep(name: str, changed: Mapping[str, Any], *, strength: float = 0.0) -> None:
    """Put what was changed of a vector into the address; ``strength`` where it has none yet."""
    known = _given()
    known[name] = replace(known.get(name) or Term(vector=name, strength=strength), **changed)
    st.query_params[PARAMETER] = [spell_arm([term]) for term in known.values()]
