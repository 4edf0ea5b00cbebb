"""Incremental extraction: ten new pairs in a thousand, against extraction of the ten alone.

`python -m bench.incremental`. Process CPU time, one thread, medians of alternating rounds, in one
process on one model. Every round has ten pairs that were never seen, with the lengths of those of
the other rounds. The incremental side does all that a job does between loading its model and
committing its vector: find, read and check kept states in a SQLite store, tokenise and record the
new texts, keep theirs under the job's fence, aggregate all 1,010 pairs, align each. The limit is
the bare engine on the ten: no store, no cache.
"""

import argparse
import os

os.environ["OMP_NUM_THREADS"] = os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"

import random
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from bench._models import random_llama
from bench._report import report
from bench._rounds import cpu_seconds
from vectorlab.domain.defaults import DEFAULT_STATE_CACHE_BYTES
from vectorlab.domain.jobs.jobs import NewJob
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.vectors.methods import method_info
from vectorlab.domain.vectors.vectors import ExtractionSpec
from vectorlab.services.database import Database, open_store
from vectorlab.steering.extraction.extraction import extract
from vectorlab.steering.model.loading import LoadedModel
from vectorlab.store.jobs import queue
from vectorlab.worker.context import JobContext
from vectorlab.worker.lease import Lease
from vectorlab.worker.model_cache import ModelCache
from vectorlab.worker.state_cache import cache_of

ROUNDS = 11
PACKAGES = ["torch", "transformers", "tokenizers", "numpy", "sqlalchemy"]
GOAL = 1.3
GOAL_OF_CACHING = 1.05
METHODS = ("mean_difference", "icv")
SHORTEST, LONGEST = 5, 120  # tokens of a text


def main() -> int:
    """Measure, print and keep the result; 1 if a limit was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two rounds; keeps no result")
    quick = parser.parse_args().quick
    rounds = 2 if quick else ROUNDS
    torch.set_num_threads(1)
    loaded = random_llama("S")
    with tempfile.TemporaryDirectory(prefix="vectorlab-bench-") as folder:
        db = open_store(f"sqlite:///{Path(folder) / 'bench.db'}")
        rows = [incremental(db, loaded, method, rounds) for method in METHODS]
        rows.append(caching(db, loaded, rounds))
        db.dispose()
    holds = all(row["holds"] for row in rows)
    figures = {
        "question": "process CPU time of extracting 10 new pairs in 1,000, against the 10 alone",
        "rounds": rounds,
        "threads": 1,
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "rows": rows,
        "holds": holds,
    }
    report("incremental", figures, packages=PACKAGES, keep=not quick)
    return 0 if holds else 1


def incremental(db: Database, loaded: LoadedModel, method: str, rounds: int) -> dict[str, Any]:
    """Ten new pairs in a thousand that are kept, against the ten alone."""
    spec = spec_of(loaded, method)
    thousand = pairs(loaded, 1000, seed=1)
    context = job_of(db)
    with renewed(context.lease):
        extract(loaded, thousand, spec, open_cache=cache_of(context))
        ours, limit = [], []
        for number in range(rounds + 1):
            ten = pairs(loaded, 10, seed=100 * len(method) + number, lengths_seed=2)
            grown = [*thousand, *ten]
            times = alternating(
                number,
                lambda ten=ten: extract(loaded, ten, spec),
                lambda grown=grown: extract(loaded, grown, spec, open_cache=cache_of(context)),
            )
            limit.append(times[0])
            ours.append(times[1])
    return row(f"10 new pairs in 1,000 / the 10 alone, {method}", ours, limit, GOAL)


def caching(db: Database, loaded: LoadedModel, rounds: int) -> dict[str, Any]:
    """What keeping states adds to an extraction that finds none."""
    spec = spec_of(loaded, "mean_difference")
    context = job_of(db)
    with renewed(context.lease):
        ours, limit = [], []
        for number in range(rounds + 1):
            demonstrations = pairs(loaded, 64, seed=9000 + number, lengths_seed=3)
            times = alternating(
                number,
                lambda new=demonstrations: extract(loaded, new, spec),
                lambda new=demonstrations: extract(loaded, new, spec, open_cache=cache_of(context)),
            )
            limit.append(times[0])
            ours.append(times[1])
    return row("64 pairs, none kept: with the cache / without", ours, limit, GOAL_OF_CACHING)


@contextmanager
def renewed(lease: Lease) -> Iterator[None]:
    """A lease that holds for as long as the measurement takes."""
    lease.start()
    try:
        yield
    finally:
        lease.leave()


def alternating(
    number: int, first: Callable[[], object], second: Callable[[], object]
) -> tuple[float, float]:
    """CPU seconds of both, each going first in every other round."""
    if number % 2:
        after, before = cpu_seconds(second), cpu_seconds(first)
        return before, after
    return cpu_seconds(first), cpu_seconds(second)


def row(what: str, ours: list[float], limit: list[float], goal: float) -> dict[str, Any]:
    """A line of the table; the first round warms up."""
    seconds, limit_seconds = statistics.median(ours[1:]), statistics.median(limit[1:])
    ratios = sorted(a / b for a, b in zip(ours[1:], limit[1:], strict=True))
    return {
        "what": what,
        "seconds": round(seconds, 4),
        "limit_seconds": round(limit_seconds, 4),
        "ratio": round(seconds / limit_seconds, 3),
        "ratio_range": [round(ratios[0], 3), round(ratios[-1], 3)],
        "limit": goal,
        "holds": seconds / limit_seconds <= goal,
    }


def pairs(
    loaded: LoadedModel, count: int, *, seed: int, lengths_seed: int | None = None
) -> list[Demonstration]:
    """Pairs of words, 5 to 120 tokens a side."""
    words = [
        loaded.tokenizer.convert_tokens_to_string([token])
        for token in sorted(loaded.tokenizer.get_vocab())
        if token.startswith("Ġ") and token[1:].isalpha()
    ]
    lengths = random.Random(seed if lengths_seed is None else lengths_seed)
    draws = random.Random(seed)

    def text() -> str:
        # One token is the BOS.
        wanted = lengths.randint(SHORTEST, LONGEST) - 1
        return "".join(draws.choice(words) for _ in range(wanted))

    return [Demonstration(source=text(), target=text()) for _ in range(count)]


def spec_of(loaded: LoadedModel, method: str) -> ExtractionSpec:
    """An extraction as a user asks for it."""
    info = method_info(method)
    return ExtractionSpec(
        model_fingerprint=loaded.description.fingerprint,
        set_sha256="0" * 64,
        method=method,
        read_site=info.read_site,
        write_site=info.write_site,
    )


def job_of(db: Database) -> JobContext:
    """A job that this process has claimed, so that writes pass its fence."""
    with db.write() as tx:
        new = NewJob(kind="extract", spec={}, dedupe_key=None, created_by="bench")
        queued, _ = queue.enqueue(tx, new)
        job = queue.claim(tx, worker_id="bench", lease_s=3600, job_id=queued.id)
    assert job is not None
    return JobContext(
        db=db,
        job=job,
        lease=Lease(db, job, lease_s=3600, heartbeat_s=600),
        model_cache=ModelCache("cpu"),
        state_cache_bytes=DEFAULT_STATE_CACHE_BYTES,
    )


if __name__ == "__main__":
    sys.exit(main())
