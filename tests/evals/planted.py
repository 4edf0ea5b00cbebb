"""A model whose answer to steering is known in closed form.

Attention and MLP of every block add nothing, so a state is the embedding of its token, of length c
and without component k. The head reads component k alone, for one token: without steering every
token is equally likely. With s added along component k the logit of that token is
L = g s sqrt(D / (c^2 + s^2)), whatever the prompt, and all others stay 0.
"""

import math
from pathlib import Path

import numpy as np
from scipy.optimize import brentq

from tests.tiny_models import D_MODEL, N_LAYERS, VOCABULARY, byte_tokenizer, random_model
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.vectors.vectors import (
    LayerVector,
    NewVector,
    Origin,
    Site,
    SteeringVector,
    TokenRule,
)
from vectorlab.lab import Lab
from vectorlab.store.vectors import vectors

COMPONENT = 5
LENGTH = 3.0  # c
GAIN = 4.0  # g
TOKEN = "A"


def save(folder: Path) -> Path:
    """The model as a directory in transformers format."""
    model = random_model("llama", tie_word_embeddings=False, rms_norm_eps=1e-9)
    tokenizer = byte_tokenizer(bos=True)
    for block in model.model.layers:
        block.self_attn.o_proj.weight.zero_()
        block.mlp.down_proj.weight.zero_()
    embeddings = model.model.embed_tokens.weight
    embeddings[0] = embeddings[1]  # padding is a zero row
    embeddings[:, COMPONENT] = 0
    embeddings *= LENGTH / embeddings.norm(dim=1, keepdim=True)
    model.model.norm.weight.fill_(1)
    model.lm_head.weight.zero_()
    [token] = tokenizer(TOKEN, add_special_tokens=False)["input_ids"]
    model.lm_head.weight[token, COMPONENT] = GAIN
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def add_direction(lab: Lab, model_id: int, name: str = "planted") -> SteeringVector:
    """The planted direction at the last block, as a vector of the store."""
    values = np.zeros(D_MODEL, dtype=np.float32)
    values[COMPONENT] = 1
    new = NewVector(
        name=name,
        model_id=model_id,
        set_version_id=None,
        method="mean_difference",
        operator=Operator.ADD,
        parameters={},
        read_site=Site.BLOCK_OUTPUT,
        write_site=Site.BLOCK_OUTPUT,
        token_rule=TokenRule.LAST,
        spec=None,
        origin=Origin.IMPORTED,
        layers=[LayerVector(layer=N_LAYERS - 1, values=values)],
    )
    with lab.db.write() as tx:
        return vectors.add_vector(tx, new, created_by="tester")


def logit(strength: float) -> float:
    """L of a strength."""
    return GAIN * strength * math.sqrt(D_MODEL / (LENGTH**2 + strength**2))


def divergence(strength: float) -> float:
    """KL(uniform || steered), nats per token."""
    return _log_partition(strength) - math.log(VOCABULARY) - logit(strength) / VOCABULARY


def reverse_divergence(strength: float) -> float:
    """KL(steered || uniform), nats per token."""
    high, partition = logit(strength), _log_partition(strength)
    return math.log(VOCABULARY) - partition + high * math.exp(high - partition)


def _log_partition(strength: float) -> float:
    return math.log(math.exp(logit(strength)) + VOCABULARY - 1)


def strength_of(budget: float) -> float:
    """The strength whose divergence is the budget."""
    return float(brentq(lambda size: divergence(size) - budget, 1e-6, 20.0))
