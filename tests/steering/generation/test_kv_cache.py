"""The cache that is allocated once: the same texts as the library's, and nothing copied."""

import pytest
import torch
from transformers import DynamicCache, masking_utils

from tests.tiny_models import CONFIGURATIONS, tiny_model
from vectorlab.steering.generation import decoder
from vectorlab.steering.generation.decoder import Decoder
from vectorlab.steering.generation.kv_cache import (
    ReservedLayer,
    ReservedWindowLayer,
    reserved_cache,
)
from vectorlab.steering.model.head import head_sees_the_end
from vectorlab.steering.model.loading import LoadedModel

PROMPTS = [[1, 70, 80, 90], [1, 75], [1, 99, 98, 97, 96, 95, 94]]
ZEROS = torch.zeros(len(PROMPTS))


@torch.no_grad()
def logits_of(loaded: LoadedModel, steps: int, past: object = None) -> torch.Tensor:
    """Logits of every step of a padded batch that follows its own choices."""
    running = Decoder(loaded, PROMPTS, steps)
    if past is not None:
        running.past = past
    found = []
    for _ in range(steps):
        found.append(running.next_logits())
        running.append(found[-1].argmax(dim=-1), ZEROS, ZEROS)
    return torch.stack(found)


@pytest.mark.parametrize("name", sorted(CONFIGURATIONS))
def test_every_step_is_that_of_the_librarys_own_cache(name: str) -> None:
    loaded = tiny_model(name)
    ours = logits_of(loaded, 16)  # beyond the windows of those that have one
    theirs = logits_of(loaded, 16, DynamicCache(config=loaded.model.config))
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["llama", "gpt2", "qwen2"])
def test_no_step_looks_at_the_mask_from_the_host(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card would have to be waited for; and the mask is the one that the library makes of it."""
    loaded = tiny_model(name)
    looked: list[torch.Tensor] = []

    def look(mask: torch.Tensor) -> torch.Tensor:
        looked.append(mask)
        return mask.all()

    monkeypatch.setattr(masking_utils, "fast_all", look)
    ours = logits_of(loaded, 4)
    assert {mask.shape[1] for mask in looked} <= {len(PROMPTS[2])}  # the prompts alone
    looked.clear()
    monkeypatch.setattr(decoder, "takes_masks_as_used", lambda *_: False)
    assert torch.equal(logits_of(loaded, 4), ours)
    assert {mask.shape[1] for mask in looked} > {len(PROMPTS[2])}


@pytest.mark.parametrize(
    ("name", "capacity", "kind"),
    [
        ("llama", 500, ReservedLayer),
        ("mistral", 15, ReservedWindowLayer),
        ("mistral", 16, None),  # its window may fill: the library's own layer rolls it
    ],
)
def test_a_layer_is_reserved_where_nothing_is_ever_dropped(
    name: str, capacity: int, kind: type | None
) -> None:
    for layer in reserved_cache(tiny_model(name), capacity).layers:
        assert (type(layer) is kind) == (kind is not None)


def test_keys_and_values_stay_where_they_were_written() -> None:
    loaded = tiny_model("llama")
    running = Decoder(loaded, PROMPTS, 4)
    places = []
    with torch.no_grad():
        for _ in range(4):
            running.append(running.next_logits().argmax(dim=-1), ZEROS, ZEROS)
            places.append([layer.keys.data_ptr() for layer in running.past.layers])
    assert places[0] == places[-1]
    assert running.past.layers[0].keys.shape[2] == 7 + 3


@pytest.mark.parametrize("name", ["llama", "bloom", "gpt2", "mpt"])
def test_the_head_sees_one_contiguous_position_behind_the_prompt(name: str) -> None:
    loaded = tiny_model(name)
    seen: list[tuple[int, bool]] = []

    def look(_module: object, args: tuple[torch.Tensor, ...]) -> None:
        seen.append((args[0].shape[1], args[0].is_contiguous()))

    head = loaded.model.get_output_embeddings()
    running = Decoder(loaded, PROMPTS, 2)
    with torch.no_grad(), head_sees_the_end(loaded):
        hook = head.register_forward_pre_hook(look)
        try:
            running.next_logits()
        finally:
            hook.remove()
    assert seen == [(1, True)]
