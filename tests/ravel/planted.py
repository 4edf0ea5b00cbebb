"""A model built by hand in which two attributes live in known orthogonal subspaces.

Words are tokens. An entity's embedding holds one of four colours and one of four shapes, each as a
direction of its own in a rotated basis. Block 0 adds nothing, so its output holds exactly these.
Block 1 attends evenly and copies both attributes to where the last token can be read; the word
that asks (``colour`` or ``shape``) makes the words of its attribute likelier than all others.
"""

from functools import cache
from itertools import product

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from tests.tiny_models import description
from vectorlab.ravel.domain.entities import Entity, EntityData, Split, Template
from vectorlab.steering.model.architectures import decoder_layers
from vectorlab.steering.model.loading import LoadedModel

COLOURS = ("red", "green", "blue", "black")
SHAPES = ("ball", "cube", "cone", "ring")
WIDTH = 32
LAYER = 0
FILLERS = ("the", "a", "one", "my", "is", "here")
NAMES = tuple(f"e{number}" for number in range(16))
VOCABULARY = ("[pad]", *NAMES, *COLOURS, *SHAPES, *FILLERS, "colour", "shape", "end")
_STRENGTH = 2.0  # of the copied attributes in the logits; more would leave nothing to learn
_ASKING = 60.0  # of the asking word


def planted_data() -> EntityData:
    """Sixteen entities, one per colour and shape: half train, a quarter val, a quarter test."""
    # Along a ring, so that no feature of the colour says anything about the shape in training.
    splits = (Split.TRAIN, Split.TRAIN, Split.VALIDATION, Split.TEST)
    entities = tuple(
        Entity(
            name=name,
            split=splits[(number % 4 - number // 4) % 4],
            values={"colour": colour, "shape": shape},
        )
        for number, (name, (colour, shape)) in enumerate(
            zip(NAMES, product(COLOURS, SHAPES), strict=True)
        )
    )
    beginnings = {
        Split.TRAIN: ("%s", "the %s", "a %s"),
        Split.VALIDATION: ("one %s",),
        Split.TEST: ("my %s", "here is the %s"),
    }
    templates = [
        Template(text=f"{text} {asked}", split=split, attribute=asked)
        for asked in ("colour", "shape")
        for split, texts in beginnings.items()
        for text in texts
    ]
    neutral = [
        Template(text=f"{text} is here", split=split, attribute=None)
        for split, texts in beginnings.items()
        for text in texts
    ]
    return EntityData(
        attributes=("colour", "shape"), entities=entities, templates=(*templates, *neutral)
    )


def planted_subspace(attribute: str) -> torch.Tensor:
    """Orthonormal directions of an attribute's four values, (4, D)."""
    first = 0 if attribute == "colour" else 4
    return _basis()[first : first + 4]


@cache
def planted_model() -> LoadedModel:
    """The model; treat it as read-only."""
    config = AutoConfig.for_model(
        "llama", vocab_size=len(VOCABULARY), hidden_size=WIDTH, intermediate_size=4,
        num_hidden_layers=2, num_attention_heads=1, num_key_value_heads=1, head_dim=WIDTH,
        max_position_embeddings=64, tie_word_embeddings=False, bos_token_id=None,
        eos_token_id=None, pad_token_id=0,
    )  # fmt: skip
    with torch.random.fork_rng():
        model = AutoModelForCausalLM.from_config(config).eval().requires_grad_(False)
    basis = _basis()
    for parameter in model.parameters():
        parameter.zero_()
    for layer in model.model.layers:
        layer.input_layernorm.weight.fill_(1)
        layer.post_attention_layernorm.weight.fill_(1)
    model.model.norm.weight.fill_(1)
    embedding, head = model.model.embed_tokens.weight, model.lm_head.weight
    place = {word: number for number, word in enumerate(VOCABULARY)}
    for name, (colour, shape) in zip(NAMES, product(range(4), range(4)), strict=True):
        embedding[place[name]] = basis[colour] + basis[4 + shape]
    for asked, word in enumerate(("colour", "shape")):
        embedding[place[word]] = basis[8 + asked]
    for filler in (*FILLERS, "end"):
        embedding[place[filler]] = basis[20] * 0.5
    attention = model.model.layers[1].self_attn
    attention.v_proj.weight.copy_(basis[:8].T @ basis[:8])
    attention.o_proj.weight.copy_(basis[10:18].T @ basis[:8])
    for asked, words in enumerate((COLOURS, SHAPES)):
        for number, word in enumerate(words):
            head[place[word]] = (
                _STRENGTH * basis[10 + 4 * asked + number] + _ASKING * basis[8 + asked]
            )
    return LoadedModel(
        description=description("llama", n_layers=2),
        model=model,
        tokenizer=_tokenizer(),
        device=torch.device("cpu"),
        dtype=torch.float32,
        layers=decoder_layers(model, "llama"),
        eos_token_ids=(),
    )


@cache
def _basis() -> torch.Tensor:
    """A rotation of all dimensions, (D, D) with orthonormal rows."""
    generator = torch.Generator().manual_seed(5)
    return torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=generator)).Q.contiguous()


def _tokenizer() -> PreTrainedTokenizerFast:
    places = {word: number for number, word in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordLevel(vocab=places, unk_token="[pad]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[pad]")
