"""The site and the intervention: where a mention is, what is edited, and what is left alone."""

from types import SimpleNamespace

import pytest
import torch
from tokenizers import normalizers

from tests.steering.builders import hook_count
from tests.tiny_models import byte_tokenizer, tiny_model
from vectorlab.errors import InputError, ShapeError
from vectorlab.ravel.domain.entities import Split, Template
from vectorlab.ravel.domain.specs import Location
from vectorlab.ravel.engine.completions import ValueEnd, complete
from vectorlab.ravel.engine.interchange import Swap, interchange
from vectorlab.ravel.engine.prompts import EntityPrompt, encode_prompts
from vectorlab.ravel.engine.states import record_prompts
from vectorlab.steering.model.batching import forward_arguments, pad
from vectorlab.steering.model.loading import LoadedModel

pytestmark = pytest.mark.kernels

CITY = Template(text="We saw %s in the land of", split=Split.TRAIN, attribute="country")
JSON = Template(text='{"city": "%s", "country": "', split=Split.TRAIN, attribute="country")
FIRST = Template(text="%s lies in", split=Split.TRAIN, attribute="country")
NAMES = ("Paris", "Tokyo", "Rio de Janeiro")


def encoded(loaded: LoadedModel, *asked: tuple[Template, str]) -> list[EntityPrompt]:
    return encode_prompts(loaded, asked, add_special_tokens=True, new_tokens=2)


def copy(base: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
    return source


@pytest.mark.parametrize("template", [CITY, JSON, FIRST])
@pytest.mark.parametrize("name", NAMES)
def test_the_mention_is_found_in_the_full_prompt(bundled_tiny, template: Template, name: str):
    [prompt] = encoded(bundled_tiny, (template, name))
    ids = [prompt.token_ids[place] for place in prompt.mention]
    assert name in str(bundled_tiny.tokenizer.decode(ids))
    rest = [prompt.token_ids[place] for place in prompt.mention[1:]]
    assert name not in str(bundled_tiny.tokenizer.decode(rest))
    assert prompt.places(Location.ENTITY_LAST) == (prompt.mention[-1],)
    assert prompt.places(Location.ENTITY_ALL) == tuple(prompt.mention)
    assert prompt.places(Location.PROMPT_LAST) == (len(prompt.token_ids) - 1,)


def test_an_entity_that_stands_in_the_example_too_is_found_where_it_is_asked_about(bundled_tiny):
    shot = Template(text="Paris is in Europe. %s is in", split=Split.TRAIN, attribute="continent")
    [prompt] = encoded(bundled_tiny, (shot, "Paris"))
    assert prompt.mention[0] > 4


def test_a_mention_that_leaves_no_token_is_refused():
    loaded = tiny_model("llama")
    tokenizer = byte_tokenizer(bos=True)
    tokenizer.backend_tokenizer.normalizer = normalizers.Replace("\u200b", "")
    stripped = SimpleNamespace(tokenizer=tokenizer, description=loaded.description)
    with pytest.raises(InputError, match=r"'\\u200b' cannot be located in"):
        encoded(stripped, (CITY, "\u200b"))


def test_a_tokenizer_without_offsets_is_refused():
    loaded = tiny_model("llama")
    slow = SimpleNamespace(tokenizer=SimpleNamespace(is_fast=False), description=loaded.description)
    with pytest.raises(InputError, match="fast tokenizer"):
        encoded(slow, (CITY, "Paris"))


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gpt_neox", "falcon"])
def test_swapping_in_the_own_states_changes_no_logit_and_others_do(architecture: str):
    loaded = tiny_model(architecture)
    prompts = encoded(loaded, (CITY, "Paris"), (FIRST, "Rio"))
    others = encoded(loaded, (CITY, "Tokyo"), (FIRST, "Oslo"))
    before = hook_count(loaded)
    plain = logits(loaded, prompts, None)
    own = logits(loaded, prompts, states(loaded, prompts))
    moved = logits(loaded, prompts, states(loaded, others))
    assert torch.allclose(own, plain, atol=1e-5)
    assert (moved - plain).abs().amax(dim=-1).min() > 1e-4
    assert hook_count(loaded) == before


def test_rows_of_a_padded_batch_are_edited_as_if_alone():
    loaded = tiny_model("llama")
    prompts = encoded(loaded, (CITY, "Rio de Janeiro"), (FIRST, "Oslo"), (JSON, "Paris"))
    sources = encoded(loaded, (JSON, "Tokyo"), (CITY, "Lima"), (FIRST, "Rome"))
    found = states(loaded, sources)
    together = logits(loaded, prompts, found)
    for row, prompt in enumerate(prompts):
        alone = logits(loaded, [prompt], found[row : row + 1])
        assert torch.allclose(together[row], alone[0], atol=1e-5)


def test_only_the_prompt_pass_is_edited():
    loaded = tiny_model("llama")
    prompts = encoded(loaded, (CITY, "Paris"))
    swap = swap_of(prompts, states(loaded, encoded(loaded, (CITY, "Tokyo"))))
    seen: list[torch.Tensor] = []
    starts = torch.zeros(1, dtype=torch.long)
    ids = torch.tensor([prompts[0].token_ids])
    with torch.no_grad(), interchange(loaded, 1, swap, starts):
        for _ in range(2):
            seen.append(loaded.model(input_ids=ids).logits)
        plain = loaded.model(input_ids=ids).logits
    assert not torch.allclose(seen[0], plain)
    assert torch.equal(seen[1], plain)


def test_the_hook_comes_off_when_the_edit_fails():
    loaded = tiny_model("llama")
    prompts = encoded(loaded, (CITY, "Paris"))
    before = hook_count(loaded)

    def fail(base: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("no")

    swap = Swap.of([(3,)], [torch.zeros(1, 32)], fail, loaded.device)
    with (
        pytest.raises(RuntimeError, match="no"),
        interchange(loaded, 1, swap, torch.zeros(1).long()),
    ):
        loaded.model(input_ids=torch.tensor([prompts[0].token_ids]))
    assert hook_count(loaded) == before


def test_prompts_that_agree_up_to_the_mention_are_read_once():
    loaded = tiny_model("llama")
    asked = [
        Template(text=f"We saw %s {rest}", split=Split.TRAIN, attribute="country")
        for rest in ("in the land of", "where they speak", "at the hour of")
    ]
    prompts = encoded(loaded, *[(template, "Paris") for template in asked])
    read: list[int] = []
    handle = loaded.model.register_forward_pre_hook(
        lambda _m, _a, kwargs: read.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    try:
        found = record_prompts(loaded, prompts, layers=[0, 2], location=Location.ENTITY_LAST)
    finally:
        handle.remove()
    assert read == [len("We saw Paris") + 1]
    assert all(torch.equal(row, found[2].last()[0]) for row in found[2].last())


def test_several_tokens_of_a_mention_are_aligned_at_their_ends():
    loaded = tiny_model("llama")
    long, short = encoded(loaded, (CITY, "Lisbon"), (CITY, "Oslo"))
    found = record_prompts(loaded, [long, short], layers=[1], location=Location.ENTITY_ALL)[1]
    assert found.counts.tolist() == [6, 4] or found.counts.tolist() == [7, 5]
    ours = found.aligned(1, int(found.counts[0]))
    own = found.aligned(1, int(found.counts[1]))
    assert torch.equal(ours[-len(own) :], own)
    assert all(torch.equal(row, own[0]) for row in ours[: -len(own)])


def test_a_layer_that_does_not_exist_is_refused():
    loaded = tiny_model("llama")
    prompts = encoded(loaded, (CITY, "Paris"))
    with pytest.raises(ShapeError, match=r"Layers \[7\]"):
        record_prompts(loaded, prompts, layers=[7], location=Location.ENTITY_LAST)


def test_a_value_ends_in_front_of_a_stop_character(bundled_tiny):
    tokenizer = bundled_tiny.tokenizer
    end = ValueEnd(bundled_tiny, '".\n')
    ids = tokenizer(' South America." and', add_special_tokens=False)["input_ids"]
    value = end.cut(ids)
    assert str(tokenizer.decode(value)).strip() == "South America"
    assert end.is_over(ids)
    assert not end.is_over(value)
    quoted = tokenizer('"Asia"', add_special_tokens=False)["input_ids"]
    assert "Asia" in str(tokenizer.decode(end.cut(quoted)))
    assert len(end.cut(quoted[:1])) == 1


def test_completions_do_not_depend_on_the_batch(bundled_tiny):
    asked = [(template, name) for template in (CITY, JSON, FIRST) for name in NAMES]
    prompts = encoded(bundled_tiny, *asked)
    end = ValueEnd(bundled_tiny, '".\n')
    together = complete(bundled_tiny, prompts, max_new_tokens=4, value_end=end)
    small = complete(bundled_tiny, prompts, max_new_tokens=4, value_end=end, token_budget=16)
    assert together == small


def states(loaded: LoadedModel, prompts: list[EntityPrompt], layer: int = 1) -> torch.Tensor:
    found = record_prompts(loaded, prompts, layers=[layer], location=Location.ENTITY_LAST)
    return found[layer].last()


def swap_of(prompts: list[EntityPrompt], source: torch.Tensor) -> Swap:
    places = [prompt.places(Location.ENTITY_LAST) for prompt in prompts]
    return Swap.of(places, [row[None] for row in source], copy, torch.device("cpu"))


def logits(
    loaded: LoadedModel, prompts: list[EntityPrompt], source: torch.Tensor | None
) -> torch.Tensor:
    """Logits behind every prompt, edited at block 1 where a source is given."""
    batch = pad([prompt.token_ids for prompt in prompts], side="left", device=loaded.device)
    mask = batch.attention_mask if batch.is_padded else None
    arguments = forward_arguments(loaded, batch.input_ids, mask, batch.starts)
    with torch.no_grad():
        if source is None:
            return loaded.model(**arguments).logits[:, -1]
        with interchange(loaded, 1, swap_of(prompts, source), batch.starts):
            return loaded.model(**arguments).logits[:, -1]
