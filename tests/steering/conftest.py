"""What the steering tests share: one thread, vectors and arms, and the models by path."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from vectorlab.steering.loading import LoadedModel, describe_model, load_model


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def bundled_tiny() -> LoadedModel:
    """The bundled model, loaded from the package."""
    return load_model(describe_model("bundled:tiny"), device="cpu")


@pytest.fixture(scope="session")
def real_model() -> LoadedModel:
    """A real model by path, for acceptance tests."""
    path = os.environ.get("VECTORLAB_REAL_MODEL")
    if not path or not Path(path).is_dir():
        pytest.skip("VECTORLAB_REAL_MODEL does not name a model directory")
    return load_model(describe_model(path), device="cpu")
