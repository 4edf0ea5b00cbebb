"""Texts token by token: where one departs from the baseline, and what steering did to each."""

from collections.abc import Mapping

import streamlit as st

from ui import cached, colours, markup, tables
from ui.frame import job_panels, notes
from vectorlab.domain.jobs.jobs import JobState
from vectorlab.domain.runs.comparison import Column
from vectorlab.domain.runs.runs import GenerationRun
from vectorlab.domain.runs.tokens import ReadTokens
from vectorlab.domain.scores.divergence import KL
from vectorlab.services import jobs
from vectorlab.services.runs import token_views

MOST_NATS = 3.0  # a change this large has the full colour
MOST_COLOUR = 34  # per cent; more would cover the text


def shown(
    text: str,
    base_text: str | None,
    tokens: ReadTokens | None,
    base: ReadTokens | None,
    *,
    spaces: bool,
    by_words: bool = True,
) -> str:
    """A text with its tokens coloured, or by words where no job has read it.

    Args:
        text: The text.
        base_text: The unsteered text of the same prompt, if there is one.
        tokens: What a job read of the text; None where none has.
        base: The same of the unsteered text.
        spaces: Show white space.
        by_words: Mark the words that differ until a job has read the tokens.

    Returns:
        HTML.
    """
    if tokens is None:
        if base_text is None or not by_words:
            return markup.generated(text, spaces=spaces)
        return markup.difference(base_text, text, spaces=spaces)
    departs = None if base is None else departure(tokens, base)
    low, _, high = colours.diverging()
    spans = []
    for place, (piece, own, change) in enumerate(
        zip(tokens.pieces, tokens.logprobs, tokens.changes, strict=True)
    ):
        share = round(min(1.0, abs(change) / MOST_NATS) * MOST_COLOUR)
        style = ""
        if share and base is not None:
            colour = high if change > 0 else low
            style = f' style="background:color-mix(in srgb, {colour} {share}%, transparent)"'
        mark = " vl-departs" if place == departs else ""
        title = f"log-probability {own:.2f}, {change:+.2f} by steering"
        if tokens.kl is not None:
            title += f", {KL.REVERSE.formula} {tokens.kl[place]:.2f}"
        spans.append(
            f'<span class="vl-piece{mark}" title="{title}"{style}>'
            f"{markup.characters(piece, spaces=spaces)}</span>"
        )
    return f'<bdi class="vl-text vl-generated" dir="auto">{"".join(spans)}</bdi>'


def departure(tokens: ReadTokens, base: ReadTokens) -> int | None:
    """The first token that is not the baseline's; None where both are the same."""
    for place, piece in enumerate(tokens.pieces):
        if place >= len(base.pieces) or piece != base.pieces[place]:
            return place
    return len(tokens.pieces) - 1 if len(base.pieces) > len(tokens.pieces) else None


def show_legend_or_ask(run: GenerationRun, prompt: int, *, is_known: bool) -> None:
    """What the colours mean, or a button that asks a worker for the tokens."""
    if is_known:
        low, _, high = colours.diverging()
        st.html(
            f'<div class="vl-note">{_swatch(high)} likelier by steering {_swatch(low)} less '
            f"likely, in full colour at {MOST_NATS:g} nats · "
            '<span class="vl-departs">&nbsp;</span> first token that is not the baseline\'s · '
            "hold the pointer over a token for its log-probability</div>"
        )
        return
    waiting = _reading(run, prompt)
    if waiting is not None:
        watch(waiting)
    elif st.button("Read the tokens", key=f"tokens.{run.id}.{prompt}"):
        with notes.errors_as_panel():
            token_views.request_read(cached.store(), str(run.id), prompt, actor=cached.user())
            st.rerun()


def watch(job_id: int) -> None:
    """Wait for the tokens, asking the store once a second, then draw the page again."""

    @st.fragment(run_every="1s")
    def live() -> None:
        with notes.errors_as_panel():
            current = jobs.get(cached.store(), job_id)
            if current.state is JobState.SUCCEEDED:
                st.rerun()
            job_panels.job_line(current)

    live()


def show(run: GenerationRun, columns: tuple[Column, ...]) -> None:
    """The token view of one prompt of a run."""
    count = len(run.spec.prompts)
    number = 1
    if count > 1:
        number = st.number_input("Prompt", 1, count, 1, key="prompt_number", bind="query-params")
    prompt = int(number) - 1
    spaces = st.toggle("Whitespace", key="spaces", bind="query-params")
    st.html(markup.generated(run.spec.prompts[prompt].text, spaces=spaces))
    read = token_views.read_tokens(cached.store(), run.id, prompt)
    show_legend_or_ask(run, prompt, is_known=bool(read))
    if not read:
        return
    base_arm = next((column.arm for column in columns if column.is_baseline), 0)
    by_arm = colours.of_runs([run])
    rows = [
        (
            markup.dot(by_arm[columns[arm].label])
            + markup.escape(columns[arm].label)
            + (
                markup.note(f"sample {sample + 1} of {run.spec.samples}")
                if run.spec.samples > 1
                else ""
            ),
            shown(
                "",
                None,
                tokens,
                None if arm == base_arm else read.get((base_arm, sample)),
                spaces=spaces,
            ),
        )
        for (arm, sample), tokens in sorted(read.items())
    ]
    labels = {column.arm: column.label for column in columns}
    tables.show(
        ["arm", "tokens"],
        rows,
        name=f"run-{run.id}-prompt-{number}-tokens",
        frame=lambda: token_views.tokens_frame(read, labels),
        kind="vl-strip",
    )
    show_numbers(read, labels)


def show_numbers(read: Mapping[tuple[int, int], ReadTokens], labels: Mapping[int, str]) -> None:
    """What colours and pointer say of every token as a table, for fingers and keyboards."""
    frame = token_views.tokens_frame(read, labels)
    frame.insert(6, "change", frame["logprob"] - frame["baseline_logprob"])
    counted = frame.assign(sample=frame["sample"] + 1, place=frame["place"] + 1)
    with st.expander("Numbers of every token"):
        st.dataframe(
            counted,
            hide_index=True,
            placeholder="–",
            column_config={
                name: st.column_config.NumberColumn(format="%.3f")
                for name in ("logprob", "baseline_logprob", "change", "kl")
            },
        )


def _reading(run: GenerationRun, prompt: int) -> int | None:
    """The job under way that reads these tokens."""
    return token_views.reading_job(cached.store(), run.id, prompt)


def _swatch(colour: str) -> str:
    style = f"background:color-mix(in srgb, {colour} {MOST_COLOUR}%, transparent)"
    return f'<span class="vl-piece" style="{style}">&nbsp;&nbsp;&nbsp;</span>'
