"""A store with rows in every table, for views, frozen rows, evidence and old stores."""

from typing import Any

from tests.icl.store.builders import add_icl_run
from tests.store.builders import (
    add_conditional_run,
    add_job,
    add_run,
    add_search,
    description,
    fill,
    intervention,
    new_score,
    run_spec,
    state_block,
    state_spec,
)
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.jobs.jobs import CurvePoint, LogLevel, PartialText
from vectorlab.domain.runs.runs import Decoding
from vectorlab.domain.runs.votes import Choice
from vectorlab.store import audit, models
from vectorlab.store.analysis import saved_queries
from vectorlab.store.database import Transaction
from vectorlab.store.jobs import checkpoints, progress, queue, workers
from vectorlab.store.runs import scores, votes
from vectorlab.store.vectors import states


def fill_every_table(tx: Transaction) -> dict[str, Any]:
    """Like ``fill``, with all that it leaves out; two jobs, one failed and one running."""
    made = fill(tx)
    model, vector = made["model"], made["vector"]
    made["conditional"] = add_conditional_run(tx, model, vector)
    made["search"] = add_search(tx, model, vector, (made["first"], made["second"]))
    revised = description("revised", revision="abc123", chat_template_sha256="c" * 64)
    models.add_model(tx, name="revised", description=revised)
    with_prefix = Arm(label="in context", prefix="Once: good. ")
    one_layer = Arm(label="one layer", interventions=(intervention(vector, layers=(1,)),))
    sampled = Decoding(max_new_tokens=4, do_sample=True, temperature=0.5)
    arms = (Arm(label="plain"), with_prefix, one_layer)
    add_run(tx, model, run_spec(model, arms=arms, decoding=sampled))
    _judge(tx, made)
    _work(tx, made)
    states.add_states(tx, state_spec(model_fingerprint=model.fingerprint), state_block(["a", "b"]))
    saved_queries.save(tx, "mine", "SELECT 1", "tester")
    audit.record(
        tx, actor="ann", action="look", object_kind="run", object_id=1, details={"how": "closely"}
    )
    return made


def _judge(tx: Transaction, made: dict[str, Any]) -> None:
    texts = list(scores.generation_ids(tx, made["run"].id).values())
    scores.put_scores(tx, [new_score(texts[0], 0.25), new_score(texts[0], None, version="2")])
    scores.put_scores(tx, [new_score(texts[0], 0.5)])  # once more, with --force
    votes.add_vote(
        tx,
        left_id=texts[0],
        right_id=texts[2],
        choice=Choice.LEFT,
        question="Which is better?",
        voter="ann",
    )


def _work(tx: Transaction, made: dict[str, Any]) -> None:
    workers.register_worker(
        tx, worker_id="w1", host="here", pid=7, device="cpu", torch_version="2.13.0"
    )
    workers.touch_worker(tx, "w1", "idle", model_ids=[made["model"].id], memory_bytes=2**30)
    done = add_job(tx, model_id=made["model"].id)
    queue.claim(tx, worker_id="w1", lease_s=60)
    queue.report_progress(tx, done.id, 1, 1, 2, "half")
    queue.fail(tx, done.id, 1, error_class="InputError", error="bad", retry=False)
    running = add_job(tx)
    queue.claim(tx, worker_id="w2", lease_s=60)
    queue.save_chunk(tx, running.id, 1, 0, b"chunk")
    progress.append_log(tx, running.id, 1, [(LogLevel.WARNING, "slow")])
    progress.put_partials(tx, running.id, 1, [PartialText(prompt=0, arm=0, sample=0, text="So")])
    checkpoints.add_points(tx, running.id, [CurvePoint(series="loss", step=1, value=0.5)])
    checkpoints.save_checkpoint(tx, running.id, 1, 1, b"state")
    add_icl_run(tx, made["model"], made["first"], job_id=done.id)
    made["jobs"] = (done, running)
