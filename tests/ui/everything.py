"""A store with something in every table and every selection that a page draws."""

from tests.icl.store.builders import add_icl_run
from tests.store.builders import add_ravel, left_out
from tests.ui.experiments import add_experiment
from tests.ui.filled_store import LAYERS, PAIRS, fill
from vectorlab.domain.jobs.jobs import LogLevel
from vectorlab.domain.runs.comparison import Column
from vectorlab.domain.runs.tokens import NearestTokens, ReadTokens, VocabularyToken
from vectorlab.domain.runs.votes import Choice, Match
from vectorlab.icl.domain.runs import IclKind
from vectorlab.services import models
from vectorlab.services.database import Database
from vectorlab.services.runs import votes
from vectorlab.services.sets import sets
from vectorlab.services.vectors.vectors import combine
from vectorlab.store.database import Transaction
from vectorlab.store.jobs import queue
from vectorlab.store.runs import token_views
from vectorlab.store.vectors import explanations

_ESTIMATE = {"value": 0.5, "low": 0.4, "high": 0.6}
_ALIGNMENT = dict.fromkeys(
    ("loss", "reference_loss", "difference", "prediction_l2", "cosine", "sensitivity_l2"), _ESTIMATE
)
ICL_RESULTS = {
    IclKind.CONSTRUCT: {
        "steps": [{"step": step, "gd": 0.5, "layer": 0.5, "separate": 0.5} for step in (0, 1)],
        "eta": 1.0,
        "gamma": None,
        "limit": 2.0,
        "largest_difference": 0.0,
        "closed_forms": {"least squares": 0.25, "ridge": 0.125, "penalty": 1.0},
        "copying": {
            "temperature": 0.03,
            "leak": 1e-12,
            "copied": 1e-12,
            "difference": 1e-12,
            "temperatures": [
                {"temperature": 1.0, "leak": 0.3, "copied": 1.0, "difference": 0.5, "loss": 0.6}
            ],
        },
    },
    IclKind.FEATURES: {
        "untrained": _ESTIMATE,
        "maps": [
            {
                "map": "input",
                "width": 1,
                "eta": 1.0,
                "loss": _ESTIMATE,
                "kernel": 0.5,
                "difference": 0.0,
                "ridge": 0.5,
                "penalty": 1.0,
                "from_trained": None,
            }
        ],
        "example": {
            "demonstrations": {"x": [0.0], "y": [0.5]},
            "x": [-5.0, 5.0],
            "target": [0.1, 0.2],
            "predictions": {"input": [0.0, 0.1]},
        },
    },
    IclKind.TRAIN: {
        "loss": _ESTIMATE,
        "gd": {"eta": 1.0, "gamma": None, "alignment": _ALIGNMENT},
        "closed form": {"penalty": 0.0, "alignment": _ALIGNMENT},
        "followed": {"trained": [0.5, 0.25], "gd": [0.5, 0.25], "closed form": 0.1},
        "out_of_distribution": [{"change": "input scale", "size": 2.0, "trained": 0.5, "gd": None}],
    },
    IclKind.REPRODUCE: {"ok": 1, "of": 1},
    IclKind.BRIDGE: {"rest": [0.5]},
}


def fill_all(db: Database) -> None:
    """As ``fill``, with something in every table that a page draws."""
    fill(db)
    model, version = models.get(db, "tiny"), sets.get(db, "upbeat@1")
    token = VocabularyToken(token_id=1, piece="<i>", value=2.0)
    with db.write() as tx:
        add_tokens(tx, run_id=1)
        near = [NearestTokens(layer=n, toward=(token,), away=(token,)) for n in range(LAYERS)]
        token_views.add_nearest(tx, 1, near)
        explained = [left_out(place, 0.1 + place / 10) for place in range(len(PAIRS))]
        explanations.add_explanation(tx, 1, explained, {"states_reused": 8}, "ada")
        queue.claim(tx, worker_id="host-1-abc", lease_s=60, job_id=2)
        lines = [(LogLevel.WARNING, "batch halved")]
        queue.report_progress(tx, 2, 1, 50, 100, "tokens", rate=25.0, log=lines)
        add_ravel(tx, model)
        for kind, result in ICL_RESULTS.items():
            add_icl_run(tx, model, version, kind=kind, result=result)
    combine(db, name="twice", terms=[(2.0, "upbeat-icv")], actor="ada")
    match = Match(
        first=Column(run_id=1, arm=0, label="baseline", is_baseline=True),
        second=Column(run_id=1, arm=2, label="upbeat-icv +0.2", is_baseline=False),
        question="Which is better?",
    )
    add_experiment(db)
    while (pair := votes.next_pair(db, match, voter="ada")) is not None:
        votes.vote(db, pair, Choice.LEFT, question=match.question, voter="ada")


def add_tokens(tx: Transaction, run_id: int) -> None:
    """The tokens of the first prompt of a run, as if a job had read them."""
    ids = token_views.generation_ids(tx, run_id, 0)
    found = [
        ReadTokens(
            generation_id=number,
            pieces=("the", " <b>", f"{arm}"),
            logprobs=(-1.0, -1.0, -1.0),
            baseline_logprobs=(-1.0, -1.0, -1.0 - arm),
        )
        for (arm, _), number in ids.items()
    ]
    token_views.add_read(tx, found)
