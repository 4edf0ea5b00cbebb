"""How runs were made: one in full, several as the lines in which they differ."""

from collections.abc import Mapping, Sequence

import streamlit as st

from ui import data, tables, texts
from vectorlab.domain.comparison import settings_of
from vectorlab.domain.runs import Arm, GenerationRun


def show(found: Sequence[GenerationRun]) -> None:
    """A table of facts per run, or one of all runs."""
    if len(found) == 1:
        _show_one(found[0])
        return
    everything = st.toggle("Also what is the same", key="same", bind="query-params")
    lines = [item for item in settings_of(found) if everything or item.differs]
    rows = [(texts.escape(item.name), *map(texts.escape, item.values)) for item in lines]
    if rows:
        tables.show(["setting", *(f"run {run.id}" for run in found)], rows, name="settings")
    else:
        st.html(texts.quiet("The runs were asked for and computed alike."))


def _show_one(run: GenerationRun) -> None:
    spec, decoding = run.spec, run.spec.decoding
    how = "greedy"
    if decoding.do_sample:
        how = (
            f"sampled, temperature {decoding.temperature:g}, top-k {decoding.top_k or 'off'}, "
            f"top-p {decoding.top_p:g}"
        )
    st.html(
        texts.facts(
            [
                ("model", texts.escape(run.model_name)),
                ("prompts", _prompts_fact(run)),
                ("unseen", _overlap_fact(run)),
                ("decoding", f"{how}, at most {decoding.max_new_tokens} new tokens"),
                ("seed · samples", f"{spec.seed} · {spec.samples}"),
                ("dtype", texts.escape(spec.dtype)),
                ("took", f"{run.duration_s:.1f} s"),
                ("request", texts.mono(run.spec_sha256)),
            ]
        )
    )
    if any(arm.interventions for arm in spec.arms):
        _show_interventions(spec.arms, data.vector_names())
    with st.expander("Environment"):
        pairs = [(name, texts.escape(value)) for name, value in run.environment.items()]
        st.html(texts.facts(pairs))


def _prompts_fact(run: GenerationRun) -> str:
    count = f"{len(run.spec.prompts)}"
    if run.prompt_set_label is None:
        return f"{count}, given with the run"
    name, _, number = run.prompt_set_label.partition("@")
    return f"{count} from {texts.link(run.prompt_set_label, 'sets', set=name, version=number)}"


def _overlap_fact(run: GenerationRun) -> str:
    """Whether the prompts quote what the vectors learned from."""
    found = data.overlaps(run)
    return "<br>".join(texts.escape(item) for item in found) or "–"


def _show_interventions(arms: Sequence[Arm], names: Mapping[int, str]) -> None:
    rows = [
        (
            texts.escape(arm.label),
            texts.link(names[item.vector_id], "vectors", vector=names[item.vector_id]),
            item.operator.value,
            f"{item.strength:g} {texts.quiet(item.operator.info.unit)}",
            item.site.value,
            str(item.positions),
            str(item.schedule),
            "all" if item.layers is None else ", ".join(map(str, item.layers)),
        )
        for arm in arms
        for item in arm.interventions
    ]
    facts = ["operator", "strength", "write site", "positions", "schedule", "layers"]
    tables.show(["arm", "vector", *facts], rows, name="interventions")
