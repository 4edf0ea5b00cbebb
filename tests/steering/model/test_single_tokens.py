"""Single tokens: what each adds to a text, and what a vector points at."""

import numpy as np
import pytest
import torch

from tests.tiny_models import CONFIGURATIONS, tiny_model
from vectorlab.domain.vectors.vectors import LayerVector
from vectorlab.steering.model.logit_lens import nearest_tokens
from vectorlab.steering.model.tokens import continuation_text, pieces

TEXTS = ["naïve 👩‍👩‍👧 ok", " leading", "שלום עולם", "a\n\n  b\t", "x" * 40, "é" * 9]


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
@pytest.mark.parametrize("text", TEXTS)
def test_the_pieces_of_a_text_are_the_text(architecture, text):
    loaded = tiny_model(architecture)
    prompt, ids = (
        loaded.tokenizer(part, add_special_tokens=False)["input_ids"] for part in ("Once ", text)
    )
    for before in (prompt, []):
        found = pieces(loaded.tokenizer, before, ids)
        assert len(found) == len(ids)
        assert "".join(found) == continuation_text(loaded.tokenizer, before, ids)


def test_a_prompt_may_end_and_a_text_may_begin_within_a_character():
    loaded = tiny_model("gpt2")
    ids = loaded.tokenizer("é", add_special_tokens=False)["input_ids"]
    for place in range(len(ids)):
        text = continuation_text(loaded.tokenizer, ids[:place], ids[place:])
        assert "".join(pieces(loaded.tokenizer, ids[:place], ids[place:])) == text


@pytest.mark.parametrize("architecture", CONFIGURATIONS)
def test_every_architecture_has_its_final_norm_and_head(architecture):
    loaded = tiny_model(architecture)
    width = loaded.description.d_model
    values = np.random.default_rng(1).normal(size=width).astype(np.float32)
    steps = []
    [found] = nearest_tokens(
        loaded,
        [LayerVector(layer=1, values=values)],
        count=3,
        on_progress=lambda *step: steps.append(step),
    )
    assert found.layer == 1
    assert steps == [(1, 1)]
    highs, lows = [t.value for t in found.toward], [t.value for t in found.away]
    assert highs == sorted(highs, reverse=True)
    assert lows == sorted(lows)
    assert highs[-1] > lows[-1]


def test_tokens_that_are_equally_near_stand_in_the_order_of_their_ids():
    loaded = tiny_model("llama")
    nowhere = LayerVector(layer=0, values=np.zeros(loaded.description.d_model, dtype=np.float32))
    [found] = nearest_tokens(loaded, [nowhere], count=4)
    assert [token.token_id for token in found.toward] == [0, 1, 2, 3]
    assert [token.token_id for token in found.away] == [0, 1, 2, 3]


def test_a_direction_that_is_a_tokens_own_row_is_nearest_to_that_token():
    loaded = tiny_model("llama")
    head = loaded.model.get_output_embeddings().weight
    with torch.no_grad():
        norm = loaded.model.model.norm.weight
        row = (head[65] / norm).float().numpy()
        logits = (head @ (norm * torch.from_numpy(row) / np.sqrt((row**2).mean() + 1e-6))).numpy()
    [found] = nearest_tokens(loaded, [LayerVector(layer=0, values=row)], count=2)
    assert found.toward[0].token_id == int(logits.argmax()) == 65
    assert found.toward[0].value == pytest.approx(float(logits.max()), rel=1e-3)
    assert found.away[0].token_id == int(logits.argmin())
