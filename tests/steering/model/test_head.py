from typing import Any

import pytest
import torch

from tests.tiny_models import CONFIGURATIONS, tiny_model
from vectorlab.steering.model.head import head_logits, head_sees_the_end

IDS = torch.tensor([[1, 40, 50, 60, 70, 80], [1, 45, 90, 61, 7, 81]])
CAPPED: dict[str, Any] = {"final_logit_softcapping": 0.5}


@pytest.mark.parametrize(
    ("name", "changes"),
    [*((name, {}) for name in sorted(CONFIGURATIONS)), ("gemma2", CAPPED), ("gemma3_text", CAPPED)],
)
@torch.inference_mode()
def test_the_head_by_itself_says_what_the_whole_model_says(
    name: str, changes: dict[str, Any]
) -> None:
    loaded = tiny_model(name, **changes)
    whole = loaded.model(IDS).logits
    with head_sees_the_end(loaded) as given:
        last = loaded.model(IDS).logits
    torch.testing.assert_close(last[:, -1], whole[:, -1])
    apart = head_logits(loaded, given[0].flatten(0, 1)).view(whole.shape)
    torch.testing.assert_close(apart, whole, atol=1e-5, rtol=1e-4)
