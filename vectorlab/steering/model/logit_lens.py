"""Vocabulary tokens nearest to layer vectors: through the model's final norm and head.

Source: the logit lens, nostalgebraist 2020, applied to a direction instead of a state.
"""

from collections.abc import Sequence
from operator import attrgetter

import torch
from torch import nn

from vectorlab.domain.runs.tokens import NearestTokens, VocabularyToken
from vectorlab.domain.ties import in_order
from vectorlab.domain.vectors.vectors import LayerVector
from vectorlab.errors import ArchitectureError
from vectorlab.progress import OnProgress
from vectorlab.steering.model.architectures import architecture
from vectorlab.steering.model.loading import LoadedModel


@torch.inference_mode()
def nearest_tokens(
    loaded: LoadedModel,
    layers: Sequence[LayerVector],
    *,
    count: int,
    on_progress: OnProgress | None = None,
) -> list[NearestTokens]:
    """The tokens that each layer vector favours and disfavours most; of equal ones the lower id.

    Args:
        loaded: The model that the vector belongs to.
        layers: Layer vectors, (d_model,) each.
        count: Tokens at either end.
        on_progress: Called with (layers done, layers).

    Raises:
        ArchitectureError: If the model's final norm or head is not found.
    """
    norm = _final_norm(loaded)
    head: nn.Module | None = loaded.model.get_output_embeddings()  # type: ignore[no-untyped-call]
    if head is None:
        raise ArchitectureError(
            f"Model type {loaded.model.config.model_type!r} has no output embeddings, so its "
            "vectors have no nearest tokens."
        )
    nearest = []
    for place, vector in enumerate(layers, start=1):
        state = torch.from_numpy(vector.values.copy()).to(loaded.device, loaded.dtype)
        logits = head(norm(state[None, None]))[0, 0].float()
        nearest.append(
            NearestTokens(
                layer=vector.layer,
                toward=_top(loaded, logits, count),
                away=_top(loaded, logits, count, sign=-1.0),
            )
        )
        if on_progress is not None:
            on_progress(place, len(layers))
    return nearest


def _top(
    loaded: LoadedModel, logits: torch.Tensor, count: int, *, sign: float = 1.0
) -> tuple[VocabularyToken, ...]:
    # The table may be padded beyond the tokens that there are.
    known = logits[: len(loaded.tokenizer)].cpu().numpy()
    return tuple(
        VocabularyToken(
            token_id=token_id,
            piece=str(loaded.tokenizer.decode([token_id])),
            value=float(known[token_id]),
        )
        for token_id in in_order(sign * known)[:count]
    )


def _final_norm(loaded: LoadedModel) -> nn.Module:
    model_type = loaded.model.config.model_type
    paths = architecture(model_type)
    beside = paths.blocks.rpartition(".")[0]
    norm = getattr(attrgetter(beside)(loaded.model), paths.norm, None)
    if isinstance(norm, nn.Module):
        return norm
    raise ArchitectureError(
        f"Model type {model_type!r} has no final norm {paths.norm!r} beside {beside}. Correct "
        f"ARCHITECTURES[{model_type!r}] in vectorlab/steering/model/architectures.py."
    )
