"""Blind votes: two texts in random order without names; the reveal comes afterwards."""

import streamlit as st

from ui import cached, markup, tables
from ui.frame import notes
from ui.runs.choices import Sides
from vectorlab.domain.runs.arm_kinds import first_judged
from vectorlab.domain.runs.votes import Choice, Match, Pair, Tally
from vectorlab.services.runs import votes

REVEALED = "blind.revealed"  # session key: the match whose names this visitor asked for
# Label and key of every answer.
ANSWERS = {
    Choice.LEFT: ("Left is better", "a"),
    Choice.TIE: ("Both alike", "s"),
    Choice.NEITHER: ("Neither will do", "x"),
    Choice.RIGHT: ("Right is better", "d"),
}


def show(sides: Sides) -> None:
    """Ask about one pair after the other, then say what came of it."""
    match = _choose_match(sides)
    if match is None:
        return
    spaces = st.toggle("Whitespace", key="spaces", bind="query-params")
    pair = votes.next_pair(cached.store(), match, voter=cached.user())
    if pair is not None and st.session_state.get(REVEALED) != match:
        _ask(match, pair, spaces=spaces)
        return
    tally = votes.tally(cached.store(), match)
    _reveal(sides, match, tally)
    if pair is not None and st.button("Vote on"):
        del st.session_state[REVEALED]
        st.rerun()


def _choose_match(sides: Sides) -> Match | None:
    names = list(sides.names)
    if len(names) < 2:
        notes.note("One column", "A vote needs two. Add a run with another arm to the address.")
        return None
    one, two, three = st.columns([1, 1, 2])
    first = one.selectbox("Between", names, key="between", bind="query-params")
    other = first_judged(
        sides.columns[1:], sides.infos
    )  # a control only where there is nothing else
    usual = len(names) - 1 if other is None else sides.columns.index(other)
    second = two.selectbox("and", names, index=usual, key="and", bind="query-params")
    question = three.text_input(
        "Question", value="Which is better?", key="question", bind="query-params"
    )
    if first == second:
        notes.note("Twice the same column", "Choose two different ones to vote between.")
        return None
    return Match(
        first=sides.names[first],
        second=sides.names[second],
        question=(question or "").strip() or "Which is better?",
    )


def _ask(match: Match, pair: Pair, *, spaces: bool) -> None:
    st.html(markup.generated(pair.prompt, spaces=spaces))
    notes.heading(match.question)
    left, right = st.columns(2)
    for place, name, text in ((left, "Left", pair.left_text), (right, "Right", pair.right_text)):
        with place.container(border=True):
            st.html(markup.quiet(name) + markup.generated(text, spaces=spaces))
    with st.container(horizontal=True):
        for choice, (label, key) in ANSWERS.items():
            st.button(
                label,
                key=f"blind.{choice}",
                shortcut=key,
                on_click=_vote,
                args=(pair, choice, match.question),
            )
    tally = votes.tally(cached.store(), match)
    st.caption(
        f"{markup.count(tally.votes, 'vote')} so far on {markup.count(tally.pairs, 'pair')}"
        + (f"; both sides have the same text in {tally.equal} more." if tally.equal else ".")
        + " The keys on the buttons vote while no field has the focus."
        + " Names and results are shown afterwards."
    )
    if tally.votes and st.button("Finish and reveal"):
        st.session_state[REVEALED] = match
        st.rerun()


def _vote(pair: Pair, choice: Choice, question: str) -> None:
    with notes.errors_as_panel():
        votes.vote(cached.store(), pair, choice, question=question, voter=cached.user())


def _reveal(sides: Sides, match: Match, tally: Tally) -> None:
    first, second = sides.name_of(match.first), sides.name_of(match.second)
    if not tally.votes:
        notes.note("Nothing to vote on", "Every pair has the same text on both sides.")
        return
    st.subheader("What the votes say", anchor=False)
    rows = [
        (markup.dot(sides.colours[first]) + markup.escape(first), str(tally.first)),
        (markup.dot(sides.colours[second]) + markup.escape(second), str(tally.second)),
        ("both alike", str(tally.ties)),
        ("neither", str(tally.neither)),
    ]
    tables.show(["answer", "votes"], rows, name="votes")
    if tally.interval is None or tally.share is None:
        st.html(markup.quiet("No vote chose a side."))
        return
    low, high = tally.interval
    clear = low > 0.5 or high < 0.5
    notes.note(
        f"{second} is preferred in {tally.share:.0%} of the decided votes",
        f"95 % interval {low:.0%} to {high:.0%}; exact sign test p = {tally.p_value:.3g}. "
        + ("The interval leaves out one half." if clear else "One half is inside: not decided."),
        tone="good" if clear else "",
    )
