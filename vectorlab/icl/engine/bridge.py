"""What demonstrations in a prompt do to a language model, next to the in-context vector.

    e_l = h_l(demonstrations, query)[-1] - h_l(query)[-1]          the context's effect

The effect is compared, layer by layer, with the in-context vector of the same demonstrations; so
is the effect of the same demonstrations with their targets exchanged, and of random ones.

Attention takes part by its heads. Of what a head adds for the last token, the part that comes
from demonstration tokens is the update dW x of von Oswald et al. 2023,

    u = W_O sum_j a_j v_j        j over demonstration tokens, a_j softmax weights
    u' = W_O sum_j <k_j, q> v_j  the same without softmax: (sum_j v_j k_j^T) q

Shares are projections on the change of the attention output, so that those of all heads and of
the rest (what the query's own tokens say differently) add up to one.

Source: https://arxiv.org/abs/2212.07677 for the update, https://arxiv.org/abs/2311.06668 for the
vector
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.vectors.context_prompts import (
    DEFAULT_LAYOUT,
    DEFAULT_SHOTS,
    ContextPrompt,
    Layout,
    check_pairs,
    context_prompt,
    find_layout,
    query_text,
)
from vectorlab.domain.vectors.vectors import Site
from vectorlab.errors import InputError
from vectorlab.icl.domain.runs import HeadUpdate, LayerEffect
from vectorlab.icl.engine.attention_record import HeadRecord, record_heads
from vectorlab.progress import OnNamedProgress
from vectorlab.steering.extraction.methods import aggregate
from vectorlab.steering.model.conversation_spans import tokens_of
from vectorlab.steering.model.loading import LoadedModel
from vectorlab.steering.model.tokens import encode
from vectorlab.steering.recording.activations import record_states

CONDITIONS = ("demonstrations", "shuffled", "random")


@dataclass(frozen=True, kw_only=True)
class BridgeOptions:
    """What is put into the prompt, and what is looked at."""

    shots: int = DEFAULT_SHOTS  # demonstrations in front of every query
    queries: int = 8  # at most; sources of pairs that do not stand in the prompt
    layout: str = DEFAULT_LAYOUT
    seed: int = 0
    heads: bool = True
    head_queries: int = 3  # queries that attention is taken apart for


@dataclass(frozen=True, kw_only=True)
class Bridge:
    """All that is known of one model and set."""

    effects: tuple[LayerEffect, ...]
    heads: tuple[HeadUpdate, ...]
    rest: tuple[float, ...]  # by layer: share of what the query's own tokens say differently
    vector: torch.Tensor  # (L, D) the in-context vector of the demonstrations
    shift: torch.Tensor  # (L, D) mean effect
    demonstrations: tuple[int, ...]  # positions in the set, in the order of the prompt
    queries: tuple[int, ...]  # positions in the set


def bridge(
    loaded: LoadedModel,
    demonstrations: Sequence[Demonstration],
    options: BridgeOptions,
    *,
    random_set: Sequence[Demonstration] | None = None,
    on_progress: OnNamedProgress | None = None,
) -> Bridge:
    """Measure what a set does in the prompt of a model.

    Args:
        loaded: The model; given back clean.
        demonstrations: Pairs of a set version; at least two.
        options: What is put into the prompt.
        random_set: Pairs of another set for the random control; None makes pairs of random tokens
            as long as those in the prompt.
        on_progress: Called with (steps done, steps in all, what is done).

    Raises:
        InputError: If there are fewer than two pairs, or a prompt does not fit.
        ArchitectureError: If heads are wanted and their value states cannot be reached.
    """
    tell = on_progress or _tell_nobody
    layout = find_layout(options.layout)
    chosen, queries = _split(demonstrations, options)
    shown = [demonstrations[place] for place in chosen]
    sources = [demonstrations[place].source for place in queries]
    contexts = {
        "demonstrations": shown,
        "shuffled": _exchanged(shown),
        "random": _random_pairs(loaded, shown, random_set, options.seed),
    }
    kinds = {name: items for name, items in contexts.items() if items is not None}
    steps = len(kinds) + 2 + (min(options.head_queries, len(queries)) if options.heads else 0)
    tell(0, steps, "reading queries alone")
    alone = _states(loaded, [query_text(layout, source) for source in sources])
    tell(1, steps, "reading the demonstrations")
    vector = _in_context_vector(loaded, shown)
    effects: dict[str, torch.Tensor] = {}
    for place, (name, items) in enumerate(kinds.items()):
        tell(2 + place, steps, f"reading prompts with {name}")
        texts = [context_prompt(layout, items, source).text for source in sources]
        effects[name] = _states(loaded, texts) - alone
    heads, rest = _heads(
        loaded, layout, shown, sources, effects["demonstrations"], options, tell, steps
    )
    return Bridge(
        effects=tuple(row for name in effects for row in _rows(name, effects, alone, vector)),
        heads=heads,
        rest=rest,
        vector=vector,
        shift=effects["demonstrations"].mean(0),
        demonstrations=tuple(chosen),
        queries=tuple(queries),
    )


def take_apart(
    behind: HeadRecord, alone: HeadRecord, spans: Sequence[range], effect: torch.Tensor
) -> tuple[list[dict[str, torch.Tensor | float]], float]:
    """One block's heads at the last token of a prompt, and the share of the rest.

    Args:
        behind: The block, reading the query behind demonstrations.
        alone: The same, reading the query alone.
        spans: Tokens of each demonstration in the prompt.
        effect: The context's effect at this layer, (D,).

    Returns:
        By head: ``share``, ``effect_cosine``, ``linear_cosine``, ``attention`` and
        ``by_demonstration`` (K,); and what is left of one.
    """
    tokens = [place for span in spans for place in span]
    change = behind.project(behind.heads - alone.heads)
    scale = float(change.square().sum().clamp(min=1e-30))
    values = behind.values[:, tokens]
    softmax = torch.einsum("ht,htd->hd", behind.weights[:, tokens], values)
    linear = torch.einsum("ht,htd->hd", behind.scores[:, tokens], values)
    updates, plain = behind.project.each(softmax), behind.project.each(linear)
    of_demonstrations = torch.stack(
        [
            torch.einsum("ht,htd->hd", behind.weights[:, list(span)], behind.values[:, list(span)])
            for span in spans
        ]
    )
    carried = behind.project.each(of_demonstrations) @ change / scale  # (K, H)
    shares = updates @ change / scale
    cosine = torch.nn.functional.cosine_similarity
    rows: list[dict[str, torch.Tensor | float]] = [
        {
            "share": float(shares[head]),
            "effect_cosine": float(cosine(updates[head], effect, dim=0)),
            "linear_cosine": float(cosine(updates[head], plain[head], dim=0)),
            "attention": float(behind.weights[head, tokens].sum()),
            "by_demonstration": carried[:, head],
        }
        for head in range(len(shares))
    ]
    rest = behind.heads - softmax - alone.heads
    return rows, float(behind.project(rest) @ change) / scale


def _tell_nobody(_done: int, _total: int, _note: str) -> None:
    pass


def _split(
    demonstrations: Sequence[Demonstration], options: BridgeOptions
) -> tuple[list[int], list[int]]:
    check_pairs(demonstrations)
    for name, value in (("shots", options.shots), ("queries", options.queries)):
        if value < 1:
            raise InputError(f"{name} = {value}; there must be at least one.")
    order = list(range(len(demonstrations)))
    random.Random(options.seed).shuffle(order)
    shots = min(options.shots, len(order) - 1)
    return order[:shots], sorted(order[shots : shots + options.queries])


def _exchanged(shown: Sequence[Demonstration]) -> list[Demonstration] | None:
    """Every source with the target of the next; None for a single one."""
    if len(shown) < 2:
        return None
    targets = [demonstration.target for demonstration in shown]
    return [
        Demonstration(source=demonstration.source, target=target)
        for demonstration, target in zip(shown, targets[1:] + targets[:1], strict=True)
    ]


def _random_pairs(
    loaded: LoadedModel,
    shown: Sequence[Demonstration],
    random_set: Sequence[Demonstration] | None,
    seed: int,
) -> list[Demonstration]:
    draw = random.Random(f"{seed} random")
    if random_set is not None:
        check_pairs(random_set)
        return draw.sample(list(random_set), min(len(shown), len(random_set)))
    special = set(loaded.tokenizer.all_special_ids)
    usual = [token for token in range(len(loaded.tokenizer)) if token not in special]

    def text(like: str) -> str:
        length = len(loaded.tokenizer(like, add_special_tokens=False)["input_ids"])
        decoded = loaded.tokenizer.decode(draw.choices(usual, k=max(1, length)))
        assert isinstance(decoded, str)
        return decoded

    return [
        Demonstration(source=text(demonstration.source), target=text(demonstration.target or ""))
        for demonstration in shown
    ]


def _states(loaded: LoadedModel, texts: Sequence[str]) -> torch.Tensor:
    """Block outputs at the last token, (N, L, D)."""
    return record_states(loaded, _ids(loaded, texts), site=Site.BLOCK_OUTPUT).values


def _ids(loaded: LoadedModel, texts: Sequence[str]) -> list[list[int]]:
    return encode(
        loaded.tokenizer,
        texts,
        add_special_tokens=True,
        context_length=loaded.description.context_length,
        noun="Prompt",
    )


def _in_context_vector(loaded: LoadedModel, shown: Sequence[Demonstration]) -> torch.Tensor:
    sources = [demonstration.source for demonstration in shown]
    targets = [demonstration.target or "" for demonstration in shown]
    states = record_states(
        loaded, _ids(loaded, sources + targets), site=Site.BLOCK_OUTPUT, include_embeddings=True
    )
    return aggregate("icv", states[: len(shown)], states[len(shown) :], {}).values


def _rows(
    name: str, effects: dict[str, torch.Tensor], alone: torch.Tensor, vector: torch.Tensor
) -> list[LayerEffect]:
    cosine = torch.nn.functional.cosine_similarity
    effect, as_they_are = effects[name], effects["demonstrations"].mean(0)
    mean = effect.mean(0)
    single = cosine(effect, vector[None], dim=-1)  # (Q, L)
    relative = (effect.norm(dim=-1) / alone.norm(dim=-1).clamp(min=1e-12)).mean(0)
    together, agreement = cosine(mean, vector, dim=-1), cosine(mean, as_they_are, dim=-1)
    return [
        LayerEffect(
            layer=layer,
            condition=name,
            cosine=float(together[layer]),
            query_cosine=float(single[:, layer].mean()),
            query_cosine_sd=float(single[:, layer].std()) if len(single) > 1 else 0.0,
            norm=float(mean[layer].norm()),
            relative_norm=float(relative[layer]),
            agreement=float(agreement[layer]),
        )
        for layer in range(len(mean))
    ]


def _heads(
    loaded: LoadedModel,
    layout: Layout,
    shown: Sequence[Demonstration],
    sources: Sequence[str],
    effects: torch.Tensor,
    options: BridgeOptions,
    tell: OnNamedProgress,
    steps: int,
) -> tuple[tuple[HeadUpdate, ...], tuple[float, ...]]:
    if not options.heads:
        return (), ()
    by_query, rests = [], []
    count = min(options.head_queries, len(sources))
    for place, source in enumerate(sources[:count]):
        tell(steps - count + place, steps, "taking attention apart")
        prompt = context_prompt(layout, shown, source)
        ids, spans = _with_spans(loaded, prompt)
        behind = record_heads(loaded, ids)
        alone = record_heads(loaded, _ids(loaded, [query_text(layout, source)])[0])
        parts = [
            take_apart(after, before, spans, effects[place, layer])
            for layer, (after, before) in enumerate(zip(behind, alone, strict=True))
        ]
        by_query.append([rows for rows, _ in parts])
        rests.append([rest for _, rest in parts])
    rest = torch.tensor(rests).mean(0)
    return (
        tuple(
            _mean_head(layer, head, [rows[layer][head] for rows in by_query])
            for layer in range(len(by_query[0]))
            for head in range(len(by_query[0][layer]))
        ),
        tuple(float(value) for value in rest),
    )


def _mean_head(
    layer: int, head: int, rows: Sequence[dict[str, torch.Tensor | float]]
) -> HeadUpdate:
    def mean(name: str) -> float:
        return sum(float(row[name]) for row in rows) / len(rows)

    carried = torch.stack([torch.as_tensor(row["by_demonstration"]) for row in rows]).mean(0)
    return HeadUpdate(
        layer=layer,
        head=head,
        share=mean("share"),
        effect_cosine=mean("effect_cosine"),
        linear_cosine=mean("linear_cosine"),
        attention=mean("attention"),
        by_demonstration=tuple(float(value) for value in carried),
    )


def _with_spans(loaded: LoadedModel, prompt: ContextPrompt) -> tuple[list[int], list[range]]:
    """Token ids of a prompt, and the tokens of each of its demonstrations."""
    if not loaded.tokenizer.is_fast:
        raise InputError(
            f"{type(loaded.tokenizer).__name__} does not say where in a text its tokens lie. The "
            "view by heads needs a fast tokenizer; leave it out: vectorlab icl bridge --no-heads"
        )
    [ids] = _ids(loaded, [prompt.text])
    offsets = loaded.tokenizer(prompt.text, add_special_tokens=True, return_offsets_mapping=True)[
        "offset_mapping"
    ][: len(ids)]
    return ids, _disjoint([tokens_of(offsets, span) for span in prompt.spans])


def _disjoint(spans: Sequence[range]) -> list[range]:
    """A token that reaches into the next demonstration belongs to the first of the two."""
    disjoint: list[range] = []
    for span in spans:
        begin = max(span.start, disjoint[-1].stop) if disjoint else span.start
        disjoint.append(range(begin, max(begin, span.stop)))
    return disjoint
