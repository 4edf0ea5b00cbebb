"""Numbers that hang on the kernels in their last bits."""

import hashlib

import numpy as np
import numpy.typing as npt
import torch

from vectorlab.steering.model.batching import forward_arguments, pad
from vectorlab.steering.model.loading import describe_model, load_model

Numbers = npt.NDArray[np.float64]
PROMPTS = [
    "Please paraphrase the following sentence. Sentence: Worst restaurant ever!, paraphrase: ",
    "This is a conversation between two people. Context: The commute was a nightmare. Response: ",
    "Delhi is in the country of",
    "Once upon a time there was a small castle",
]


def logits(dtype: str, *, rows: int) -> Numbers:
    """Of the bundled model, behind the first of these prompts."""
    exact = dtype == "float64"
    loaded = load_model(
        describe_model("bundled:tiny"), device="cpu", dtype="float32" if exact else dtype
    )
    model = loaded.model.double() if exact else loaded.model
    ids = [loaded.tokenizer(text)["input_ids"] for text in PROMPTS[:rows]]
    batch = pad(ids, side="left", device=loaded.device)
    with torch.inference_mode():
        arguments = forward_arguments(loaded, batch.input_ids, batch.attention_mask, batch.starts)
        arguments.pop("logits_to_keep", None)
        return model(**arguments).logits[:, -1].double().numpy()


def digests() -> dict[str, str]:
    """The bits of each kind of number, which other kernels change."""
    drawn = np.random.default_rng(0).normal(size=(64, 64))
    found = {
        "one row, float32": logits("float32", rows=1),
        "rows, float32": logits("float32", rows=len(PROMPTS)),
        "one row, bfloat16": logits("bfloat16", rows=1),
        "rows, bfloat16": logits("bfloat16", rows=len(PROMPTS)),
        "decomposition": torch.linalg.svdvals(torch.from_numpy(drawn).float()).double().numpy(),
        "products of NumPy": drawn @ drawn,
        "exponentials of NumPy": np.exp(drawn),
    }
    return {name: hashlib.sha256(item.tobytes()).hexdigest() for name, item in found.items()}
