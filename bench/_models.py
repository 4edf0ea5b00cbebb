"""Models of random weights that benchmarks run on."""

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from vectorlab.domain.models import ModelDescription
from vectorlab.steering.model.architectures import decoder_layers
from vectorlab.steering.model.loading import LoadedModel, bundled_model_path

SHAPES = {
    "S": {
        "hidden_size": 256,
        "intermediate_size": 688,
        "num_hidden_layers": 6,
        "num_attention_heads": 8,
        "num_key_value_heads": 8,
        "vocab_size": 8192,
        "max_position_embeddings": 512,
    },
    "M": {
        "hidden_size": 768,
        "intermediate_size": 2048,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "num_key_value_heads": 12,
        "vocab_size": 32768,
        "max_position_embeddings": 512,
    },
    "1B": {
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": 128256,
        "max_position_embeddings": 2048,
    },
}


def random_llama(
    name: str, *, dtype: torch.dtype = torch.float32, device: str = "cpu"
) -> LoadedModel:
    """A Llama of one of the shapes, with the bundled model's tokenizer and no end of text."""
    shape = SHAPES[name]
    config = AutoConfig.for_model("llama", **shape)
    torch.manual_seed(0)
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    model = model.eval().requires_grad_(requires_grad=False)
    return LoadedModel(
        description=ModelDescription(
            source=f"bench/model-{name}",
            revision=None,
            architecture="llama",
            n_layers=shape["num_hidden_layers"],
            d_model=shape["hidden_size"],
            n_parameters=sum(item.numel() for item in model.parameters()),
            vocabulary_size=shape["vocab_size"],
            context_length=shape["max_position_embeddings"],
            weights_sha256="0" * 64,
            config_sha256="0" * 64,
            tokenizer_sha256="0" * 64,
            chat_template_sha256=None,
        ),
        model=model,
        tokenizer=AutoTokenizer.from_pretrained(bundled_model_path("tiny")),
        device=torch.device(device),
        dtype=dtype,
        layers=decoder_layers(model, "llama"),
        eos_token_ids=(),
    )
