"""All the pages read: the open store, and cached answers of the services.

What can change is read anew on every rerun. What is frozen is cached under its content hash,
with a short life so that a purge is noticed.
"""

from collections import Counter

import pandas as pd
import streamlit as st

from vectorlab.config import Settings
from vectorlab.domain.jobs.jobs import JobFilter, JobState
from vectorlab.domain.jobs.requests import ExperimentRequest
from vectorlab.domain.runs.comparison import Column, Criterion, columns_of
from vectorlab.domain.runs.replays import ReplayVerdict
from vectorlab.domain.runs.runs import GenerationRun
from vectorlab.domain.sets.checks import Finding
from vectorlab.domain.sets.versions import SetVersion
from vectorlab.domain.vectors.vectors import LayerVector, SteeringVector
from vectorlab.services import database, frames, jobs
from vectorlab.services.database import Database, open_store
from vectorlab.services.runs import comparison, outcomes, runs
from vectorlab.services.runs import experiments as experiments_of
from vectorlab.services.runs.outcomes import ArmScores, RunOutcome
from vectorlab.services.runs.verdicts import ExperimentResult
from vectorlab.services.sets import sets, splits
from vectorlab.services.sets.splits import Overlap
from vectorlab.services.vectors import vectors

_KEEP_S = 300
PATIENCE_MS = 2_000  # with a store that another process has locked; then the page says so


def user() -> str:
    """Recorded as the author of what the dashboard asks for."""
    return Settings.from_environment().user


def store() -> Database:
    """The open store, shared by every visitor of this process."""
    return _open(Settings.from_environment().database_url)


def findings(version: SetVersion) -> tuple[Finding, ...]:
    """What the checks found in a frozen version."""
    return _findings(store(), store().url, version.id, version)


def without_target(version: SetVersion) -> int:
    """How many demonstrations of a frozen version have no target."""
    return _without_target(store(), store().url, version.id, version)


def layer_cosines(vector: SteeringVector) -> pd.DataFrame:
    """Cosine of every layer vector with every other."""
    return _layer_cosines(store(), store().url, vector.name, vector.content_sha256)


def layer_vectors(vector: SteeringVector) -> list[LayerVector]:
    """The numbers of a vector, checked once in a while."""
    return _layer_vectors(store(), store().url, vector.name, vector.content_sha256)


def verdict(replay: GenerationRun) -> ReplayVerdict:
    """What comparing a replay with its original finds."""
    return _verdict(store(), store().url, replay.id, replay.created_at)


def overlaps(run: GenerationRun) -> list[Overlap]:
    """Whether the prompts of a run quote the sets that its vectors learned from."""
    return _overlaps(store(), store().url, run.id, run)


def degenerate_texts(run: GenerationRun) -> dict[Column, Counter[str]]:
    """How many texts of every arm are degenerate, by how."""
    return _degenerate_texts(store(), store().url, run.id, run.result_sha256, columns_of([run]))


def outcome(run_id: int, measure: Criterion, scored: ArmScores) -> RunOutcome | None:
    """The best arm of a run by a scorer; judged anew when its scores are others."""
    return _outcome(store().url, run_id, measure, repr(scored.means), scored)


def experiments(limit: int) -> list[ExperimentResult]:
    """The newest experiments; judged anew when another has ended."""
    ended = JobFilter(states=(JobState.SUCCEEDED,), kind=ExperimentRequest.KIND)
    newest = [job.id for job in jobs.list_jobs(store(), ended, limit=limit)]
    return _experiments(store(), store().url, newest, limit) if newest else []


def view_columns() -> dict[str, list[str]]:
    """Columns of every analysis view."""
    return _view_columns(store(), store().url)


def vector_names() -> dict[int, str]:
    """Name of every vector by its id."""
    return vectors.names(store())


def vector_ids() -> dict[str, int]:
    """Id of every vector by its name."""
    return {name: number for number, name in vector_names().items()}


@st.cache_resource(show_spinner="Opening the store …", on_release=lambda db: db.dispose())
def _open(url: str) -> Database:
    return open_store(url, patience_ms=PATIENCE_MS)


@st.cache_data(ttl=_KEEP_S, max_entries=256, show_spinner="Reading findings …")
def _findings(
    _db: Database, url: str, version_id: int, _version: SetVersion
) -> tuple[Finding, ...]:
    del url, version_id  # part of the cache key
    return sets.check_report(_db, _version)


@st.cache_data(ttl=_KEEP_S, max_entries=256, show_spinner="Counting pairs …")
def _without_target(_db: Database, url: str, version_id: int, _version: SetVersion) -> int:
    del url, version_id  # part of the cache key
    return sets.without_target(_db, _version)


@st.cache_data(ttl=_KEEP_S, max_entries=64, show_spinner="Reading layer vectors …")
def _layer_cosines(_db: Database, url: str, name: str, content_sha256: str) -> pd.DataFrame:
    del url, content_sha256
    return frames.layer_cosines(vectors.layer_vectors(_db, vectors.get(_db, name)))


@st.cache_data(ttl=_KEEP_S, max_entries=4, show_spinner="Judging experiments …")
def _experiments(_db: Database, url: str, newest: list[int], limit: int) -> list[ExperimentResult]:
    del url, newest  # part of the cache key
    return experiments_of.list_experiments(_db, limit=limit)


@st.cache_data(ttl=_KEEP_S, max_entries=4, show_spinner=False)
def _view_columns(_db: Database, url: str) -> dict[str, list[str]]:
    del url
    return database.view_columns(_db)


@st.cache_data(ttl=_KEEP_S, max_entries=16, show_spinner="Reading layer vectors …")
def _layer_vectors(_db: Database, url: str, name: str, content_sha256: str) -> list[LayerVector]:
    del url, content_sha256
    return vectors.layer_vectors(_db, vectors.get(_db, name))


@st.cache_data(ttl=_KEEP_S, max_entries=256, show_spinner="Reading texts …")
def _degenerate_texts(
    _db: Database, url: str, run_id: int, result_sha256: str, _columns: tuple[Column, ...]
) -> dict[Column, Counter[str]]:
    del url, run_id, result_sha256
    return comparison.degenerate_texts(_db, _columns)


@st.cache_data(max_entries=4096, show_spinner="Judging the arms …")
def _outcome(
    url: str, run_id: int, measure: Criterion, means: str, _scored: ArmScores
) -> RunOutcome | None:
    del url, run_id, means  # part of the cache key
    return outcomes.judge(_scored, measure)


@st.cache_data(ttl=_KEEP_S, max_entries=256, show_spinner="Comparing texts …")
def _overlaps(_db: Database, url: str, run_id: int, _run: GenerationRun) -> list[Overlap]:
    del url, run_id
    return splits.overlaps_of_run(_db, _run)


@st.cache_data(ttl=_KEEP_S, max_entries=256, show_spinner="Comparing tokens …")
def _verdict(_db: Database, url: str, replay_id: int, created_at: object) -> ReplayVerdict:
    del url, created_at
    return runs.verdict(_db, str(replay_id))
