"""One function per job kind: read from the store, compute, commit result and completion at once."""

from collections.abc import Callable

from vectorlab.domain.jobs import JobKind
from vectorlab.worker.calibration import run_calibration
from vectorlab.worker.conditions import run_condition_search
from vectorlab.worker.context import JobContext
from vectorlab.worker.damage import run_equalisation
from vectorlab.worker.explanation import run_explanation
from vectorlab.worker.extraction import run_extraction
from vectorlab.worker.generation import run_generation
from vectorlab.worker.icl import (
    run_bridge,
    run_construction,
    run_reproduction,
    run_training,
)
from vectorlab.worker.ravel_build import run_ravel_build
from vectorlab.worker.ravel_run import run_ravel_run
from vectorlab.worker.registration import run_registration
from vectorlab.worker.scoring import run_scoring
from vectorlab.worker.tokens import run_nearest, run_read

HANDLERS: dict[JobKind, Callable[[JobContext], None]] = {
    JobKind.EXTRACT: run_extraction,
    JobKind.EXPLAIN: run_explanation,
    JobKind.GENERATE: run_generation,
    JobKind.RAVEL_BUILD: run_ravel_build,
    JobKind.RAVEL_RUN: run_ravel_run,
    JobKind.CONDITION: run_condition_search,
    JobKind.EQUALISE: run_equalisation,
    JobKind.ICL_CONSTRUCT: run_construction,
    JobKind.ICL_TRAIN: run_training,
    JobKind.ICL_REPRODUCE: run_reproduction,
    JobKind.ICL_BRIDGE: run_bridge,
    JobKind.SCORE: run_scoring,
    JobKind.CALIBRATE: run_calibration,
    JobKind.NEAREST: run_nearest,
    JobKind.READ: run_read,
    JobKind.REGISTER: run_registration,
}
