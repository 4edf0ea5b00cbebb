"""Every kind of job: its request is stored and read."""

import json
from typing import Any

import pytest

from tests import specs
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.jobs import requests
from vectorlab.domain.jobs.jobs import JobRequest
from vectorlab.domain.jobs.kinds import kinds
from vectorlab.domain.runs.batch_plan import BatchPlan
from vectorlab.errors import IntegrityError
from vectorlab.icl.domain import requests as icl_requests
from vectorlab.icl.domain.laws import BridgeSpec, ReproductionSpec
from vectorlab.ravel.domain import requests as ravel_requests

BRIDGE = BridgeSpec(
    shots=2,
    queries=3,
    layout="arrow",
    heads=False,
    seed=1,
    dtype="float16",
    set_reference="upbeat@1",
    set_sha256="a" * 64,
    random_sha256=None,
    model_fingerprint="b" * 64,
)
FULL: dict[str, JobRequest] = {
    item.KIND: item
    for item in (
        requests.ExtractRequest(
            spec=specs.FULL_EXTRACTION,
            set_version_id=1,
            set_label="upbeat@1",
            model_id=2,
            name="upbeat",
            fresh_states=True,
        ),
        requests.ExplainRequest(vector_id=1, model_id=2),
        requests.GenerateRequest(
            spec=specs.FULL_RUN,
            model_id=2,
            name="run",
            prompt_set_version_id=3,
            compiled=True,
            replay_of=4,
            accept_changed_model=True,
            batch_plan=BatchPlan(batches=((0, 1), (2,))),
            threads=5,
        ),
        ravel_requests.RavelBuildRequest(
            spec=specs.FULL_INSTANCE, version_id=1, model_id=2, name="cities"
        ),
        ravel_requests.RavelRunRequest(
            spec=specs.FULL_RAVEL_RUN, instance_id=1, model_id=2, name="run", weights="sae.st"
        ),
        requests.ThresholdRequest(
            spec=specs.FULL_SEARCH,
            model_id=2,
            vector_id=3,
            positive_version_id=4,
            negative_version_id=5,
        ),
        requests.EqualiseRequest(
            vector_id=1,
            model_id=2,
            set_version_id=3,
            set_label="upbeat@1",
            kl=0.1,
            operator=Operator.ADD,
            name="equal",
            dtype="float32",
        ),
        icl_requests.IclConstructRequest(spec=specs.FULL_CONSTRUCTION, spec_sha256="c" * 64),
        icl_requests.IclFeaturesRequest(spec=specs.FULL_FEATURES, spec_sha256="c" * 64),
        icl_requests.IclTrainRequest(spec=specs.FULL_TRAINING, spec_sha256="c" * 64),
        icl_requests.IclReproduceRequest(
            spec=ReproductionSpec(scope="short", seed=1), spec_sha256="c" * 64
        ),
        icl_requests.IclBridgeRequest(
            spec=BRIDGE, spec_sha256="c" * 64, model_id=2, set_version_id=3, random_version_id=4
        ),
        requests.ScoreRequest(run_id=1, model_id=2, scorers=(specs.FULL_SCORER,), force=True),
        requests.CalibrateRequest(model_id=2, specs=(specs.FULL_CALIBRATION,)),
        requests.ExperimentRequest(
            spec=specs.FULL_EXPERIMENT,
            model_id=2,
            name="run",
            prompt_set_version_id=3,
            extracted_from=4,
            vector_name="upbeat",
        ),
        requests.NearestRequest(vector_id=1, model_id=2, count=3),
        requests.ReadRequest(run_id=1, prompt=2, model_id=3),
        requests.RegisterRequest(source="bundled:tiny", name="tiny", revision="main"),
    )
}


def test_every_kind_has_its_request_here():
    assert set(FULL) == set(kinds())


@pytest.mark.parametrize("kind", FULL)
def test_a_request_comes_back_from_its_stored_form(kind: str):
    request = FULL[kind]
    form = json.loads(json.dumps(request.to_json()))
    assert kinds()[kind].from_json(form) == request
    assert request.dedupe_key is not None


@pytest.mark.parametrize("kind", FULL)
def test_a_form_of_another_request_is_refused_in_words(kind: str):
    with pytest.raises(IntegrityError, match=f"A stored {kinds()[kind].__name__} cannot be read"):
        kinds()[kind].from_json({"set": "upbeat@1"})


def test_row_ids_of_vectors_stand_beside_the_specification():
    form: dict[str, Any] = FULL["generate"].to_json()
    assert form["vector_ids"] == specs.FULL_RUN.vector_ids()
    assert "vector_id" not in json.dumps(form["spec"])


def test_equal_requests_are_equal_whatever_their_names():
    first, second = (
        requests.ExtractRequest(
            spec=specs.PLAIN_EXTRACTION,
            set_version_id=1,
            set_label="upbeat@1",
            model_id=2,
            name=name,
        )
        for name in ("first", "second")
    )
    assert first.dedupe_key == second.dedupe_key == f"extract:{specs.PLAIN_EXTRACTION.sha256}"
