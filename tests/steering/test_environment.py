import json

import torch

from tests.tiny_models import tiny_model
from vectorlab.steering.environment import describe_environment


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
