"""Repeat a run exactly, and say whether the same tokens came out."""

import pandas as pd
import streamlit as st

from ui import cached, charts, markup, tables
from ui.frame import job_panels, navigation, notes
from ui.runs import listing
from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE
from vectorlab.domain.runs.lists import RunFilter, RunKind
from vectorlab.domain.runs.replays import ReplayOutcome, ReplayVerdict
from vectorlab.domain.runs.runs import GenerationRun
from vectorlab.domain.runs.texts import Departure
from vectorlab.services.asking import Asked
from vectorlab.services.runs import lists as run_lists
from vectorlab.services.runs import runs

LATEST = 50
MOST_LINES = 60  # of the picture
TONES = {
    ReplayOutcome.IDENTICAL: "good",
    ReplayOutcome.ROUNDING: "",
    ReplayOutcome.UNEXPLAINED: "bad",
}


def _show_choice() -> None:
    notes.header("Replay", "Repeat a run exactly: same vectors, same draws, same batches.")
    originals = RunFilter(kind=RunKind.ORIGINALS)
    latest = run_lists.list_runs(cached.store(), originals, limit=LATEST)
    if not latest:
        notes.note("No run yet", "There is nothing to replay.")
        navigation.page_link("New run", "new_run")
        return
    listing.show(latest, name="runs-to-replay", page="replay")
    st.caption("Open a run by its row to replay it.")


def _show_run(reference: str) -> None:
    chosen = runs.get(cached.store(), reference)
    original = chosen
    if chosen.replay_of is not None:
        original = runs.get(cached.store(), str(chosen.replay_of))
    notes.header(
        f"Replay of run {original.id}",
        f"{markup.count(len(original.spec.rows()), 'text')} on {original.model_name}, "
        f"first made {markup.moment(original.created_at)}.",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Replay now", type="primary"):
            job_panels.ask(lambda: _request(original))
        navigation.page_link(f"Open run {original.id}", "compare", run=original.id)
    job = job_panels.follow_job(link=False)
    new_id = (job.result or {}).get("run_id") if job else None
    replays = runs.replays(cached.store(), original)
    if not replays and job is not None and not job.state.is_final:
        return
    if not replays:
        notes.note("Not replayed yet", "Press Replay now: a worker repeats it token by token.")
        return
    replay_id = chosen.id if chosen.replay_of is not None else None
    current = next((run for run in replays if run.id == (new_id or replay_id)), replays[0])
    _show_verdict(original, current)
    others = [run for run in replays if run.id != current.id]
    if others:
        st.subheader("Other replays", anchor=False)
        head = ["replay", "made", "verdict"]
        tables.show(head, [_other_row(run) for run in others], name=f"replays-of-{original.id}")


def _request(original: GenerationRun) -> Asked[GenerationRun]:
    return runs.request_replay(
        cached.store(), str(original.id), actor=cached.user(), priority=PRIORITY_INTERACTIVE
    )


def _show_verdict(original: GenerationRun, replay: GenerationRun) -> None:
    verdict = cached.verdict(replay)
    sentence = f"{verdict.explanation[0].upper()}{verdict.explanation[1:]}."
    if verdict.identical:
        bars = "▮" * min(60, verdict.generations)
        st.html(f'<div class="vl-verdict vl-good" aria-hidden="true">{bars}</div>')
    notes.note(verdict.title, sentence, tone=TONES[verdict.verdict])
    if not verdict.identical:
        st.altair_chart(charts.timeline(_timeline(original, replay, verdict)))
        st.caption(
            "Every text as a line of its tokens: grey as far as both agree, then coloured. "
            "Texts that agree to the end are left out."
        )
        _show_departures(original, verdict)
    _show_changes(verdict)
    navigation.page_link("Compare both, word by word", "compare", run=[original.id, replay.id])


def _timeline(
    original: GenerationRun, replay: GenerationRun, verdict: ReplayVerdict
) -> pd.DataFrame:
    """Where each text that differs leaves the original: columns text, from, to, part."""
    lengths = runs.token_counts(cached.store(), [original.id, replay.id])
    rows = []
    for departure in verdict.departures[:MOST_LINES]:
        key = (departure.key.prompt, departure.key.arm, departure.key.sample)
        end = max(lengths[original.id][key], lengths[replay.id][key])
        label = original.spec.arms[departure.key.arm].label
        text = f"prompt {departure.key.prompt + 1} · {label} · sample {departure.key.sample + 1}"
        rows.append({"text": text, "from": 0, "to": departure.position, "part": "the same"})
        rows.append(
            {"text": text, "from": departure.position, "to": end, "part": "after the first"}
        )
    return pd.DataFrame(rows, columns=["text", "from", "to", "part"])


def _show_departures(original: GenerationRun, verdict: ReplayVerdict) -> None:
    head = ["prompt", "arm", "sample", "at token", "token then", "token now", "choice"]
    rows = [
        (*_departure_row(original, departure), markup.escape(verdict.apart(departure)))
        for departure in verdict.departures
    ]
    tables.show(head, rows, name=f"departures-from-{original.id}")


def _departure_row(original: GenerationRun, departure: Departure) -> tuple[str, ...]:
    return (
        markup.literal(original.spec.prompts[departure.key.prompt].text),
        markup.escape(original.spec.arms[departure.key.arm].label),
        str(departure.key.sample + 1),
        str(departure.position + 1),
        _token(departure.original_id),
        _token(departure.replay_id),
    )


def _token(token_id: int | None) -> str:
    return markup.quiet("had ended") if token_id is None else markup.mono(token_id)


def _show_changes(verdict: ReplayVerdict) -> None:
    if not verdict.changes:
        st.html(markup.quiet("Nothing recorded of the environment changed."))
        return
    st.markdown("**What changed in the environment**")
    rows = [
        (markup.escape(change.name), markup.escape(change.original), markup.escape(change.replay))
        for change in verdict.changes
    ]
    tables.show(["name", "then", "now"], rows, name="environment")


def _other_row(run: GenerationRun) -> tuple[str, ...]:
    verdict = cached.verdict(run)
    return (
        markup.link(f"run {run.id}", "replay", run=run.id),
        markup.moment(run.created_at),
        markup.badge(verdict.verdict.value, TONES[verdict.verdict]),
    )


if "run" in st.query_params:
    _show_run(st.query_params["run"])
else:
    _show_choice()
