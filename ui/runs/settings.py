"""How runs were made: one in full, several as the lines in which they differ."""

from collections.abc import Sequence

import streamlit as st

from ui import cached, markup, tables
from vectorlab.domain.description import Fact, Names, counted, describe
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.runs.comparison import settings_of
from vectorlab.domain.runs.runs import GenerationRun
from vectorlab.services.runs import published
from vectorlab.services.vectors import vectors


def show(runs: Sequence[GenerationRun]) -> None:
    """A table of facts per run, or one of all runs."""
    if len(runs) == 1:
        _show_one(runs[0])
        return
    everything = st.toggle("Also what is the same", key="same", bind="query-params")
    names = {
        sha256: name
        for run in runs
        for sha256, name in vectors.names_in(cached.store(), run.spec).items()
    }
    lines = [line for line in settings_of(runs, names) if everything or line.differs]
    rows = [(markup.escape(line.name), *map(markup.escape, line.values)) for line in lines]
    if rows:
        tables.show(["setting", *(f"run {run.id}" for run in runs)], rows, name="settings")
    else:
        st.html(markup.quiet("The runs were asked for and computed alike."))


def _show_one(run: GenerationRun) -> None:
    about = [
        (fact.name, markup.escape(f"{fact.value} {fact.unit}"))
        for fact in describe(run.spec)
        if fact.field not in ("arms", "prompts")
    ]
    st.html(
        markup.facts(
            [
                ("model", markup.escape(run.model_name)),
                ("prompts", _prompts_fact(run)),
                ("unseen", _overlap_fact(run)),
                *_published_fact(run),
                *about,
                ("took", f"{run.duration_s:.1f} s"),
                ("request", markup.mono(run.spec_sha256)),
            ]
        )
    )
    _show_arms(run.spec.arms, vectors.names_in(cached.store(), run.spec))
    with st.expander("Environment"):
        pairs = [(name, markup.escape(value)) for name, value in run.environment.items()]
        st.html(markup.facts(pairs))


def _prompts_fact(run: GenerationRun) -> str:
    count = counted(run.spec.prompts)
    if run.prompt_set_label is None:
        return f"{count}, given with the run"
    name, _, number = run.prompt_set_label.partition("@")
    return f"{count} from {markup.link(run.prompt_set_label, 'sets', set=name, version=number)}"


def _published_fact(run: GenerationRun) -> list[tuple[str, str]]:
    """What arms with the vector of an example may be called beside the published experiment."""
    words = published.in_words(published.claims(cached.store(), run))
    return [("published experiment", "<br>".join(map(markup.escape, words)))] if words else []


def _overlap_fact(run: GenerationRun) -> str:
    """Whether the prompts quote what the vectors learned from."""
    overlaps = cached.overlaps(run)
    return "<br>".join(markup.escape(overlap) for overlap in overlaps) or "–"


def _show_arms(arms: Sequence[Arm], names: Names) -> None:
    """A row per intervention with every fact of it and of its arm."""
    rows = []
    for arm in (arm for arm in arms if arm.interventions or arm.prefix):
        label, *own = [fact for fact in describe(arm) if fact.field != "interventions"]
        for facts in [describe(intervention, names) for intervention in arm.interventions] or [()]:
            rows.append({fact.name: fact for fact in (label, *facts, *own)})
    heads = list(dict.fromkeys(name for row in rows for name in row))
    if rows:
        cells = [[_cell(row.get(name)) for name in heads] for row in rows]
        tables.show(["arm", *heads[1:]], cells, name="interventions")


def _cell(fact: Fact | None) -> str:
    if fact is None:
        return "–"
    name = fact.value.rpartition(" ")[0]
    if fact.field == "vector_sha256" and name:
        return markup.link(name, "vectors", vector=name)
    return f"{markup.escape(fact.value)} {markup.quiet(fact.unit) if fact.unit else ''}"
