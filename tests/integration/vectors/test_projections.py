"""Demonstrations in one plane, from the states that an extraction kept."""

import string

import numpy as np
import pytest
import torch

from tests.integration.conftest import PAIRS
from vectorlab.domain.vectors.geometry import plane
from vectorlab.lab import Lab
from vectorlab.services.runs import baselines
from vectorlab.services.vectors import projections, vectors
from vectorlab.steering.model.loading import LoadedModel, describe_model, load_model

LAYER = 3


@pytest.fixture(scope="module")
def tiny() -> LoadedModel:
    return load_model(describe_model("bundled:tiny"), device="cpu", dtype="float32")


def state(loaded: LoadedModel, text: str) -> np.ndarray:
    """What the library's own pass gives at the end of a text, behind the layer."""
    ids = torch.tensor([loaded.tokenizer(text)["input_ids"]])
    with torch.inference_mode():
        passed = loaded.model(input_ids=ids, output_hidden_states=True)
    return passed.hidden_states[LAYER + 1][0, -1].numpy()


def bare(text: str) -> str:
    return "".join(sign for sign in text if sign not in string.punctuation).strip()


def test_every_demonstration_is_a_point_where_its_states_lie(lab: Lab, tiny: LoadedModel) -> None:
    lab.vectors.extract(set="upbeat@1", name="bare", strip_punctuation=True)
    chosen = [vectors.get(lab.db, name) for name in ("upbeat", "bare")]
    found = projections.differences(lab.db, chosen, LAYER)
    read = [*PAIRS, *[(bare(source), bare(target)) for source, target in PAIRS]]
    coordinates, shares = plane(
        np.stack([state(tiny, target) - state(tiny, source) for source, target in read])
    )
    assert found.missing == {}
    np.testing.assert_allclose(found.points[["x", "y"]], coordinates, atol=1e-3)
    np.testing.assert_allclose(found.shares, shares, atol=1e-4)
    assert list(found.points["vector"]) == ["upbeat"] * len(PAIRS) + ["bare"] * len(PAIRS)
    assert list(found.points["position"]) == [*range(len(PAIRS))] * 2
    texts = found.points[["source", "target"]].itertuples(index=False)
    assert [tuple(pair) for pair in texts] == [*PAIRS, *PAIRS]


def test_what_has_no_point_is_named_with_the_reason(lab: Lab) -> None:
    control = baselines.random_direction(lab.db, "upbeat", seed=0, actor="tester")
    found = projections.differences(lab.db, [control], LAYER)
    assert found.missing == {control.name: "it was not extracted from demonstrations"}
    assert found.points.empty
    found = projections.differences(lab.db, [vectors.get(lab.db, "upbeat")], 99)
    assert found.missing == {"upbeat": "it has no layer 99"}
