"""What the vectors of a new run have to beat: fields that make it a sweep with controls."""

from dataclasses import fields, replace
from typing import Any

import streamlit as st

from ui import cached
from ui.frame import navigation
from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE, Job
from vectorlab.domain.models import Model
from vectorlab.domain.runs.runs import RunSpec
from vectorlab.services import models
from vectorlab.services.runs import lists, sweeps
from vectorlab.services.runs.requests import GenerationRequest
from vectorlab.services.runs.sweeps import Sweep

MOST = 20  # of a kind, beside each vector


def choose() -> dict[str, Any]:
    """Fields of a ``Sweep``; empty where no control is wanted."""
    with st.expander("Add controls"):
        one, two = st.columns(2)
        random = one.number_input(
            "Random directions",
            0,
            MOST,
            0,
            key="random",
            bind="query-params",
            help="Beside each vector so many directions drawn by lot, of the same length.",
        )
        shuffled = two.number_input(
            "Shuffled vectors",
            0,
            MOST,
            0,
            key="shuffled",
            bind="query-params",
            help="Beside each vector so many of the same texts, with the sides of pairs drawn by "
            "lot. They are extracted first.",
        )
        labels = lists.version_labels(cached.store())
        navigation.say_unknown("in_context", labels, what="set version")
        in_context = st.selectbox(
            "Demonstrations in the prompt of one more arm",
            labels,
            index=None,
            placeholder="none",
            key="in_context",
            bind="query-params",
        )
    if not (random or shuffled or in_context):
        return {}
    return {"random": random, "shuffled": shuffled, "in_context": in_context}


def sweep_of(request: GenerationRequest, controls: dict[str, Any]) -> Sweep:
    """The request with controls beside its vectors.

    Raises:
        InputError: If it is none that vectors are tried one by one in.
    """
    given = {field.name: getattr(request, field.name) for field in fields(request)}
    layers = (request.sweep.layers,)
    given["sweep"] = replace(request.sweep, layers=None)
    return Sweep(**given, layers=layers, **controls)


def count(sweep: Sweep) -> int:
    """Arms of the controls."""
    per_vector = (sweep.random + sweep.shuffled) * len(sweep.strengths)
    return per_vector * len(sweep.vectors) + (sweep.in_context is not None)


def spec_of(model: Model, sweep: Sweep) -> RunSpec | Job:
    """What a worker is asked for; the first job of a control that has to be extracted before.

    Raises:
        InputError: If a control cannot be made, or an arm cannot be built.
        ConflictError: If another vector has the name of a control.
    """
    store = cached.store()
    asked = sweeps.ask_controls(
        store,
        sweep,
        look_up=lambda name: models.get(store, name),
        actor=cached.user(),
        priority=PRIORITY_INTERACTIVE,
    )
    waiting = [control.job for _, control in asked if control.job is not None]
    if waiting:
        return waiting[0]
    beside = {control.found.name: name for name, control in asked if control.found is not None}
    return sweeps.sweep_spec(store, model, sweep, beside)
