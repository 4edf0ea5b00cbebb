"""Scorers, chosen by their names, and asked to read the texts of a run."""

import streamlit as st

from ui import cached, markup
from ui.frame import job_panels, navigation, notes
from ui.frame.fields import in_fields
from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE, Job, JobState
from vectorlab.domain.jobs.requests import ScoreRequest
from vectorlab.domain.runs.comparison import Criterion
from vectorlab.domain.runs.runs import GenerationRun
from vectorlab.domain.scores.catalogue import SCORERS, Needs, ScorerInfo, parse_scorer, usage
from vectorlab.errors import InputError
from vectorlab.services.asking import Asked
from vectorlab.services.runs import comparison, runs, scores
from vectorlab.services.runs.scores import Scored

CHOSEN = "scorer"  # of the address, once per scorer
NEEDS = {  # in words, beside what a scorer says
    Needs.TEXT: "",
    Needs.MODEL: "The model of the run reads the texts once more.",
    Needs.PATH: "It needs a model in a directory of the machine that the worker is on.",
    Needs.ENDPOINT: "It sends the texts to that endpoint.",
    Needs.VOTES: "It counts the blind votes on these texts: vote first, then score.",
}


def show(run: GenerationRun) -> None:
    """What a run is scored by, a form that asks for more, and the job that makes them."""
    measures = _measures(run)
    with st.expander("Score", expanded=CHOSEN in st.query_params):
        st.html(markup.quiet(_scored_in_words(measures)))
        chosen = choose(run)
        is_usable = bool(chosen) and _is_readable(chosen)
        if st.button("Score the texts", type="primary", disabled=not is_usable):
            job_panels.ask(lambda: _request(run, chosen))
    job = job_panels.follow_job(link=False)
    if job is not None:
        _link_to_figures(run, job, measures)


def choose(run: GenerationRun) -> list[str]:
    """Scorers as ``parse_scorer`` reads them; what each is and wants stands beneath its name."""
    chosen = _chips(list(SCORERS))
    if any(SCORERS[text.partition(":")[0]].needs is Needs.VOTES for text in chosen):
        navigation.page_link("Vote on the texts", "compare", run=run.id, look="blind vote")
    return chosen


def choose_beforehand() -> list[str] | None:
    """Scorers of texts that are not there yet, those first that need no option; None: unreadable.

    Nobody can have voted on them.
    """
    known = [info for info in SCORERS.values() if info.needs is not Needs.VOTES]
    chosen = _chips([info.name for info in sorted(known, key=_has_to_be_told)])
    return chosen if _is_readable(chosen) else None


def follow(run_job: Job | None) -> None:
    """Watch the scoring that the job of some texts asked for, and link to what it made."""
    number = ((run_job and run_job.result) or {}).get("score_job_id")
    if number is not None:
        with notes.errors_as_panel():
            job = job_panels.watch_job(number)
            request = job.request(ScoreRequest)
            if request is not None:
                run = runs.get(cached.store(), str(request.run_id))
                _link_to_figures(run, job, _measures(run))


def _chips(names: list[str]) -> list[str]:
    navigation.say_unknown(CHOSEN, names, what="scorer")
    chosen = st.pills("Scorers", names, selection_mode="multi", key=CHOSEN, bind="query-params")
    return [with_options(SCORERS[name], key=f"of_{name}") for name in chosen]


def _has_to_be_told(info: ScorerInfo) -> bool:
    """Whether an option has no value of its own, or a model has to be named."""
    told = any(option.default is None and not option.optional for option in info.options)
    return told or info.needs in (Needs.PATH, Needs.ENDPOINT)


def with_options(info: ScorerInfo, *, key: str) -> str:
    """What a scorer says and needs, and a field for its options; as ``parse_scorer`` reads it.

    Args:
        info: The scorer.
        key: Of the field in the address.
    """
    about = f"{info.name}: {info.about}. Higher is {info.higher}. {NEEDS[info.needs]}"
    st.html(markup.quiet(about.rstrip()))
    if not info.options:
        return info.name
    typed = st.text_input(
        f"Options of {info.name}",
        key=key,
        bind="query-params",
        placeholder=usage(info).removeprefix(f"Write {info.name}:"),
        help="\n".join(f"- {option.name}: {option.about}" for option in info.options),
    )
    return f"{info.name}:{typed}" if typed else info.name


def _is_readable(chosen: list[str]) -> bool:
    """Whether all of them can be read; what is missing is said."""
    for text in chosen:
        try:
            parse_scorer(text)
        except InputError as error:
            st.html(markup.quiet(in_fields(str(error))))
            return False
    return True


def _request(run: GenerationRun, chosen: list[str]) -> Asked[Scored]:
    return scores.request_scores(
        cached.store(), str(run.id), chosen, actor=cached.user(), priority=PRIORITY_INTERACTIVE
    )


def _measures(run: GenerationRun) -> dict[str, Criterion]:
    """What scorers said of the run, by their labels."""
    found = comparison.measures(cached.store(), [run.id])
    return {measure.name: measure for measure in found if measure.version is not None}


def _scored_in_words(measures: dict[str, Criterion]) -> str:
    if not measures:
        return "The texts have no scores yet. A worker reads them by the scorers that you choose."
    return f"The texts have scores of {', '.join(measures)}."


def _link_to_figures(run: GenerationRun, job: Job, measures: dict[str, Criterion]) -> None:
    request = job.request(ScoreRequest)
    if request is None or request.run_id != run.id or job.state is not JobState.SUCCEEDED:
        return
    made = [scorer.label for scorer in request.scorers if scorer.label in measures]
    notes.note("Scored", f"{', '.join(made)}: the figures have them now.", tone="good")
    figure = measures[made[0]].key if made else None
    navigation.page_link("See the figures", "compare", run=run.id, look="figures", figure=figure)
