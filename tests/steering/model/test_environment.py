import json

import pytest
import torch

from tests.tiny_models import tiny_model
from vectorlab.steering.model.environment import KERNEL_LIMITS, describe_environment


def test_the_environment_is_flat_json_of_everything_a_replay_compares() -> None:
    loaded = tiny_model("llama", dtype="bfloat16")
    found = describe_environment(loaded)
    assert json.loads(json.dumps(found)) == found
    assert found["torch"] == torch.__version__
    assert found["threads"] == torch.get_num_threads()
    assert found["dtype"] == "bfloat16"
    assert found["device"] == "cpu"
    assert found["attention"] in ("sdpa", "eager")
    assert found["model_fingerprint"] == loaded.description.fingerprint
    assert found["device_name"]


def test_limits_on_kernels_that_people_set_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KERNEL_LIMITS:
        monkeypatch.delenv(name, raising=False)
    loaded = tiny_model("llama")
    assert describe_environment(loaded)["kernel_limits"] is None
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    found = describe_environment(loaded)["kernel_limits"]
    assert found == "ATEN_CPU_CAPABILITY=avx2, ONEDNN_MAX_CPU_ISA=AVX2"
