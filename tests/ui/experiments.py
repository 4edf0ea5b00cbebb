"""A run that tries a vector at its calibrated strength, with everything that a verdict reads."""

from dataclasses import replace

from tests.store import builders
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.interventions.calibration import CalibrationSpec
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.jobs.jobs import NewJob
from vectorlab.domain.jobs.requests import ExperimentRequest
from vectorlab.domain.runs.batch_plan import RowKey
from vectorlab.domain.runs.experiments import ExperimentSpec, Subject
from vectorlab.domain.runs.runs import GenerationRun, Prompt, RunSpec
from vectorlab.domain.scores.catalogue import parse_scorer
from vectorlab.services import models
from vectorlab.services.database import Database
from vectorlab.services.runs.baselines import random_direction
from vectorlab.services.vectors import vectors
from vectorlab.store.database import Transaction
from vectorlab.store.jobs import queue
from vectorlab.store.runs import scores
from vectorlab.store.vectors import calibrations

PROMPTS = tuple(Prompt(text=f"Say it, {number}: ") for number in range(12))
STRENGTH = 0.2
# Change of the effect and damage, by arm.
PLANTED = ((0.0, 0.0), (0.2, 0.02), (0.5, 0.08), (0.01, 0.07), (0.45, 1.5))


def add_experiment(db: Database) -> GenerationRun:
    """The vector of the filled store beside a random direction and an instruction, scored."""
    model, vector = models.get(db, "tiny"), vectors.get(db, "upbeat-icv")
    random = random_direction(db, vector.name, seed=0, actor="ada")
    arms = [
        Arm(
            label=f"{each.name} {strength:+g}",
            interventions=(
                builders.intervention(each, strength, operator=Operator.ROTATE, layers=None),
            ),
        )
        for each, strength in ((vector, STRENGTH / 2), (vector, STRENGTH), (random, STRENGTH))
    ]
    spec = RunSpec(
        model_fingerprint=model.fingerprint,
        prompts=PROMPTS,
        arms=(
            Arm(label="baseline"),
            *arms,
            Arm(label="an instruction in the prompt", prefix="Be loud.\n"),
        ),
    )
    calibrated = CalibrationSpec(
        model_fingerprint=model.fingerprint,
        vector_id=vector.id,
        vector_sha256=vector.content_sha256,
        operator=Operator.ROTATE,
        site=vector.write_site,
        prompts=(Prompt(text="Choose: "),),
        effect=parse_scorer("sentiment"),
        damage=parse_scorer("kl"),
        budget=0.1,
        first=0.1,
    )
    with db.write() as tx:
        run = builders.add_run(tx, model, spec)
        new = builders.calibration(vector, spec=calibrated, strength=STRENGTH)
        calibration_id = calibrations.add_calibration(tx, new, "ada")
        _score(tx, run)
        request = _request(spec, calibrated, model.id)
        job, _ = queue.enqueue(tx, NewJob.of(request, created_by="ada"))
        queue.claim(tx, worker_id="host-1-abc", lease_s=60, job_id=job.id)
        queue.finish(tx, job.id, 1, {"run_id": run.id, "calibration_id": calibration_id})
    return run


def _score(tx: Transaction, run: GenerationRun) -> None:
    ids = scores.generation_ids(tx, run.id)
    for arm, (effect, damage) in enumerate(PLANTED):
        for prompt in range(len(PROMPTS)):
            number = ids[RowKey(prompt=prompt, arm=arm, sample=0)]
            # Prompts differ, and move by amounts that differ a little.
            value = prompt / 20 + effect * (1 + prompt / 50)
            scores.put_scores(
                tx,
                [
                    builders.new_score(number, value, scorer="sentiment"),
                    builders.new_score(number, damage * (1 + prompt / 40), scorer="kl"),
                ],
            )


def _request(spec: RunSpec, calibrated: CalibrationSpec, model_id: int) -> ExperimentRequest:
    subject = Subject(vector_id=calibrated.vector_id, vector_sha256=calibrated.vector_sha256)
    wanted = ExperimentSpec(
        model_fingerprint=spec.model_fingerprint,
        subjects=(subject,),
        choosing=calibrated.prompts,
        judging=spec.prompts,
        effect=calibrated.effect,
        damage=calibrated.damage,
        budget=calibrated.budget,
    )
    return ExperimentRequest(
        spec=replace(wanted, prompting=(spec.arms[-1],)),
        model_id=model_id,
        name=None,
        prompt_set_version_id=None,
    )
