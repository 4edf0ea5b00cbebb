from typing import Any

import pytest
import torch
from torch import nn

from tests.tiny_models import CONFIGURATIONS, random_model, tiny_model
from vectorlab.domain.vectors.vectors import Site
from vectorlab.errors import ArchitectureError
from vectorlab.steering.model.architectures import (
    ARCHITECTURES,
    architecture,
    decoder_layers,
    hidden_of,
    replace_hidden,
)
from vectorlab.steering.recording.activations import record_states

TEXT = [[1, 40, 50, 60, 70, 80]]


def test_every_architecture_of_the_table_has_a_tiny_model() -> None:
    # gemma3 is gemma3_text inside a wrapper with a vision tower.
    assert set(CONFIGURATIONS) == set(ARCHITECTURES) - {"gemma3"}


VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("falcon", {"new_decoder_architecture": True, "num_kv_heads": 2}),
    ("falcon", {"parallel_attn": False}),
    ("falcon", {"alibi": True}),
    ("gpt_neox", {"use_parallel_residual": False}),
    ("opt", {"word_embed_proj_dim": 16}),
    ("stablelm", {"use_parallel_residual": True}),
]


@pytest.mark.parametrize(
    ("name", "changes"), [*((name, {}) for name in sorted(CONFIGURATIONS)), *VARIANTS]
)
def test_a_block_adds_its_attention_and_its_mlp_to_the_stream(
    name: str, changes: dict[str, Any]
) -> None:
    loaded = tiny_model(name, **changes)
    stream = record_states(loaded, TEXT, site=Site.BLOCK_OUTPUT, include_embeddings=True).values
    updates = [
        record_states(loaded, TEXT, site=site).values
        for site in (Site.ATTENTION_OUTPUT, Site.MLP_OUTPUT)
    ]
    for layer, block in enumerate(loaded.layers.blocks):
        after_update = _norms_after_updates(name, block)
        total = sum(
            norm(update[:, layer]) for norm, update in zip(after_update, updates, strict=True)
        )
        torch.testing.assert_close(
            stream[:, layer + 1] - stream[:, layer], total, atol=1e-4, rtol=1e-4
        )


def _norms_after_updates(name: str, block: nn.Module) -> tuple[nn.Module, nn.Module]:
    """What an architecture does to an update before it adds it: nothing, a norm or a factor."""
    if name in ("gemma2", "gemma3_text", "olmo2"):
        return block.post_attention_layernorm, block.post_feedforward_layernorm  # type: ignore[return-value]
    if name == "granite":
        factor = _Times(block.residual_multiplier)  # type: ignore[arg-type]
        return factor, factor
    return nn.Identity(), nn.Identity()


class _Times(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        return value * self.factor


def test_a_model_inside_a_multimodal_wrapper_is_found() -> None:
    text = CONFIGURATIONS["gemma3_text"]
    vision = {
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_hidden_layers": 7,
        "num_attention_heads": 2,
        "image_size": 8,
        "patch_size": 4,
    }
    CONFIGURATIONS["gemma3"] = {"text_config": text, "vision_config": vision}
    try:
        layers = decoder_layers(random_model("gemma3"), "gemma3")
    finally:
        del CONFIGURATIONS["gemma3"]
    assert len(layers) == text["num_hidden_layers"]


def test_an_unknown_architecture_names_the_row_to_add() -> None:
    with pytest.raises(ArchitectureError, match=r"ARCHITECTURES\['mamba'\] = .*architectures\.py"):
        architecture("mamba")


def test_a_row_that_does_not_fit_the_model_is_an_error() -> None:
    with pytest.raises(ArchitectureError, match="does not fit this model"):
        decoder_layers(tiny_model("gpt2").model, "llama")


def test_states_are_replaced_in_tensors_and_in_tuples() -> None:
    states, router = torch.ones(1, 2, 3), torch.zeros(4)
    assert torch.equal(replace_hidden(states, torch.neg), -states)
    changed = replace_hidden((states, router), torch.neg)
    assert torch.equal(changed[0], -states)
    assert changed[1] is router


def test_a_module_that_returns_no_tensor_is_an_error() -> None:
    with pytest.raises(ArchitectureError, match="returned dict"):
        hidden_of({"states": 1})
