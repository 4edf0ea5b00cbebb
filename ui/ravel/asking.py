"""Ask for featurizers to be trained and scored, and watch it."""

import pandas as pd
import streamlit as st

from ui import cached
from ui.frame import job_panels
from ui.ravel import charts
from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE
from vectorlab.errors import InputError
from vectorlab.ravel.domain.instances import TESTS, Instance
from vectorlab.ravel.domain.specs import FEATURIZERS, Location, RavelRun
from vectorlab.ravel.services import runs
from vectorlab.ravel.services.runs import Grid
from vectorlab.services import jobs
from vectorlab.services.asking import Asked


def show_form(instance: Instance, *, n_layers: int) -> None:
    """Choose methods, layers and dimensions; a grid of them is one run."""
    with st.expander("Train and score featurizers"):
        one, two, three = st.columns(3)
        methods = one.multiselect(
            "Methods", list(FEATURIZERS), default=["mdas"], key="ask.methods", bind="query-params"
        )
        layers = two.multiselect(
            "Layers",
            list(range(n_layers)),
            default=[n_layers // 3],
            key="ask.layers",
            bind="query-params",
        )
        ks = three.text_input(
            "Features (k), several with spaces", value="32", key="ask.k", bind="query-params"
        )
        location = one.selectbox(
            "Swapped tokens",
            [location.value for location in Location],
            key="ask.location",
            bind="query-params",
        )
        targets = two.multiselect(
            "Targets",
            instance.attributes,
            placeholder="all",
            key="ask.targets",
            bind="query-params",
        )
        if st.button("Train and score", type="primary", key="ask"):
            st.query_params.pop("job", None)
            job_panels.ask(
                lambda: _request(instance, methods, layers, ks, Location(location), targets)
            )


def follow() -> None:
    """The job in the address with its live curves, if there is one."""
    job = job_panels.follow_job(link=False, every=job_panels.BESIDE_A_JOB)
    if job is None:
        return

    @st.fragment(run_every=None if job.state.is_final else job_panels.BESIDE_A_JOB)
    def live() -> None:
        curves = jobs.curves(cached.store(), job.id)
        rows = [
            {"series": name, "step": step, "loss": value}
            for name, points in curves.items()
            for step, value in points
            if name.startswith("loss")
        ]
        if rows:
            st.altair_chart(charts.curves(pd.DataFrame(rows), colour="series"))

    live()


def _numbers(text: str) -> list[int]:
    words = text.replace(",", " ").split()
    if not all(word.isascii() and word.isdigit() for word in words):
        raise InputError(f"Features {text!r} are not understood. Write numbers, such as 16 32.")
    return [int(word) for word in words]


def _request(
    instance: Instance,
    methods: list[str],
    layers: list[int],
    ks: str,
    location: Location,
    targets: list[str],
) -> Asked[RavelRun]:
    numbers = _numbers(ks)
    return runs.request_run(
        cached.store(),
        instance=instance.name,
        grid=Grid(
            methods=tuple(methods),
            layers=tuple(layers),
            ks=tuple(numbers) if numbers else (None,),
            attributes=tuple(targets),
            location=location,
        ),
        parts=TESTS,
        actor=cached.user(),
        priority=PRIORITY_INTERACTIVE,
    )
