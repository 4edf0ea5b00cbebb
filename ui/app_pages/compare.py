"""One or several runs side by side: a row per prompt, a column per arm."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from ui import colours, data, parts, texts
from vectorlab.domain.runs import STRENGTH_UNITS, Arm, GenerationRun
from vectorlab.services import runs

PER_PAGE = 20
NOTHING = "nothing"


def _show(found: Sequence[GenerationRun]) -> None:
    several = len(found) > 1
    title = "Run " if not several else "Runs "
    parts.header(title + ", ".join(str(run.id) for run in found), _sentence(found))
    with st.container(horizontal=True):
        for run in found:
            parts.page_link(f"Replay run {run.id}", "replay", run=run.id)
        parts.page_link("All runs", "runs")
    columns = [
        (f"{run.id}/{arm.label}" if several else arm.label, arm)
        for run in found
        for arm in run.spec.arms
    ]
    table = data.comparison(found)
    _show_texts(table, columns, several=several)
    parts.csv_button(
        table,
        label="Download texts (CSV)",
        name=f"runs-{'-'.join(str(run.id) for run in found)}.csv",
    )
    st.subheader("Settings", anchor=False)
    for run in found:
        _show_settings(run, heading=several)


def _sentence(found: Sequence[GenerationRun]) -> str:
    run = found[0]
    if len(found) > 1:
        return "Rows are aligned by prompt; columns are named run/arm."
    kind = f"Replay of run {run.replay_of}" if run.replay_of else "A generation run"
    named = f" named {run.name}" if run.name else ""
    return f"{kind}{named} on {run.model_name}, {texts.moment(run.created_at)}."


def _show_texts(table: pd.DataFrame, columns: list[tuple[str, Arm]], *, several: bool) -> None:
    labels = list(dict.fromkeys(label for label, _ in columns))
    baselines = [label for label, arm in columns if arm.is_baseline]
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    against = left.selectbox(
        "Mark words that differ from",
        [*labels, NOTHING],
        index=labels.index(baselines[0]) if baselines else len(labels),
        key="against",
        bind="query-params",
    )
    removed = right.toggle("Show missing words too", key="removed", bind="query-params")
    pages = max(1, -(-len(table) // PER_PAGE))
    number = st.pagination(pages, key="page", bind="query-params") if pages > 1 else 1
    shown = table.iloc[(number - 1) * PER_PAGE : number * PER_PAGE]
    colour = _colours_of(columns, several=several)
    sampled = table["sample"].max() > 0
    rows = [
        (
            _prompt_cell(row, sampled=bool(sampled)),
            *(_text_cell(row, label, against, removed=removed) for label in labels),
        )
        for row in shown.to_dict("records")
    ]
    head = ["<th>prompt</th>", *(texts.arm_head(label, colour[label]) for label in labels)]
    st.html(texts.table(head, rows, kind="vl-compare"))


def _colours_of(columns: list[tuple[str, Arm]], *, several: bool) -> dict[str, str]:
    """One colour per arm label, the same in every run."""
    bare = {label: label.partition("/")[2] if several else label for label, _ in columns}
    by_arm = colours.of_arms(
        bare.values(), [bare[label] for label, arm in columns if arm.is_baseline]
    )
    return {label: by_arm[bare[label]] for label in bare}


def _prompt_cell(row: Mapping[Any, Any], *, sampled: bool) -> str:
    sample = texts.quiet(f"sample {row['sample']}") if sampled else ""
    return texts.literal(row["prompt"]) + sample


def _text_cell(row: Mapping[Any, Any], label: str, against: str, *, removed: bool) -> str:
    text, before = row.get(label), row.get(against)
    if not isinstance(text, str):
        return texts.quiet("not in this run")
    if label == against or not isinstance(before, str):
        return texts.literal(text)
    return texts.difference(before, text, removed=removed)


def _show_settings(run: GenerationRun, *, heading: bool) -> None:
    with st.container(border=True):
        if heading:
            st.markdown(f"**Run {run.id}**")
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
            st.html(_interventions_table(spec.arms, data.vector_names()))
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


def _interventions_table(arms: Sequence[Arm], names: Mapping[int, str]) -> str:
    rows = [
        (
            texts.escape(arm.label),
            texts.link(names[item.vector_id], "vectors", vector=names[item.vector_id]),
            item.operator.value,
            f"{item.strength:g} {texts.quiet(STRENGTH_UNITS[item.operator])}",
            item.site.value,
            str(item.positions),
            str(item.schedule),
            "all" if item.layers is None else ", ".join(map(str, item.layers)),
        )
        for arm in arms
        for item in arm.interventions
    ]
    facts = ["operator", "strength", "write site", "positions", "schedule", "layers"]
    head = ["arm", "vector", *facts]
    return texts.table(head, rows)


wanted = st.query_params.get_all("run")
if wanted:
    _show([runs.get(data.store(), reference) for reference in dict.fromkeys(wanted)])
else:
    parts.header("Compare", "Texts of one or several runs side by side.")
    parts.note("No run chosen", "Tick one or several runs in the list, then press Compare.")
    parts.page_link("Choose runs", "runs")
