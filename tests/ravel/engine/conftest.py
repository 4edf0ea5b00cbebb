"""The planted model as a workbench, made once."""

import pytest

from tests.ravel.planted import LAYER, planted_data, planted_model
from vectorlab.ravel.domain.drawing import draw_examples, keep_known
from vectorlab.ravel.domain.instances import InstanceSpec
from vectorlab.ravel.engine.completions import asking_pairs, complete_all
from vectorlab.ravel.engine.prompts import PromptBook
from vectorlab.ravel.engine.workbench import Workbench
from vectorlab.steering.model.loading import LoadedModel, describe_model, load_model


@pytest.fixture(scope="session")
def bundled_tiny() -> LoadedModel:
    return load_model(describe_model("bundled:tiny"), device="cpu")


@pytest.fixture(scope="session")
def bench() -> Workbench:
    data = planted_data()
    spec = InstanceSpec(
        data_sha256=data.sha256,
        model_fingerprint="planted",
        max_new_tokens=1,
        n_train=96,
        n_test=32,
    )
    book = PromptBook(planted_model(), data, add_special_tokens=True, new_tokens=1)
    kept = keep_known(data, spec, complete_all(book, spec, list(asking_pairs(data))))
    examples = dict(enumerate(draw_examples(data, spec, kept.completions)))
    return Workbench(book, spec, kept.completions, examples, [LAYER, 1])
