"""The states of demonstrations: found where they were kept, else recorded by the model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.vectors.passages import ChatForm, Passage
from vectorlab.domain.vectors.states import StateBlock, StateSpec, tokens_sha256
from vectorlab.domain.vectors.vectors import ExtractionSpec, check_reading, passages_of, side_name
from vectorlab.errors import InputError
from vectorlab.progress import OnProgress
from vectorlab.steering.extraction.methods import find_method, texts_of
from vectorlab.steering.model.conversation_spans import find_token_parts
from vectorlab.steering.model.loading import LoadedModel, check_request
from vectorlab.steering.model.tokens import check_length, encode, leading_tokens, prepared
from vectorlab.steering.recording.activations import States, record_states
from vectorlab.steering.recording.state_cache import OpenCache, Reuse, StateCache, state_spec


@dataclass(frozen=True, kw_only=True)
class PairedStates:
    """States of N demonstrations, and where they came from."""

    source: States
    target: States
    reuse: Reuse


def paired_states(
    loaded: LoadedModel,
    demonstrations: Sequence[Demonstration],
    spec: ExtractionSpec,
    *,
    open_cache: OpenCache | None = None,
    on_progress: OnProgress | None = None,
    token_budget: int | None = None,
) -> PairedStates:
    """The states that a method aggregates; arguments and errors are those of ``extract``.

    Args:
        loaded: The model.
        demonstrations: N of them.
        spec: Of the extraction.
        open_cache: Opens the states that are kept; None keeps none.
        on_progress: Told how many texts are read.
        token_budget: Most tokens of a batch; None chooses.
    """
    check_request(loaded, model_fingerprint=spec.model_fingerprint, dtype=spec.dtype)
    texts = _Texts.of(demonstrations, spec)
    shared = None if open_cache is None else state_spec(loaded, spec)
    cache = None if open_cache is None or shared is None else open_cache(shared)
    shape = _shape(loaded, spec) if shared is None else shared.shape
    gathered = _Gathered(texts, shape)
    if cache is not None:
        gathered.fill(cache)
    reused = gathered.n_known
    recorded = _record(loaded, gathered, spec, cache, on_progress, token_budget)
    if cache is not None:
        cache.flush()
    reuse = Reuse(reused=reused, computed=len(texts.unique) - reused, spec=shared)
    return _pairs(gathered, spec, reuse, layers=tuple(range(len(loaded.layers))), events=recorded)


def known_states(
    demonstrations: Sequence[Demonstration], spec: ExtractionSpec, cache: StateCache, of: StateSpec
) -> PairedStates | None:
    """The same from kept states alone, without a model; None if one of them is missing."""
    texts = _Texts.of(demonstrations, spec)
    gathered = _Gathered(texts, of.shape)
    gathered.fill(cache)
    if gathered.n_known < len(texts.unique):
        return None
    reuse = Reuse(reused=gathered.n_known, computed=0, spec=of)
    return _pairs(gathered, spec, reuse, layers=of.layers, events=())


class _Texts:
    """Every source, then every target, as they are read; equal ones stand once."""

    def __init__(self, passages: list[Passage]) -> None:
        self.count = len(passages)
        numbers: dict[Passage, int] = {}
        self.place = [numbers.setdefault(passage, len(numbers)) for passage in passages]
        self.unique = list(numbers)
        self.first = {number: place for place, number in reversed(list(enumerate(self.place)))}

    def name(self, number: int) -> str:
        """What an error calls a text."""
        return side_name(self.first[number], self.count // 2)

    @classmethod
    def of(cls, demonstrations: Sequence[Demonstration], spec: ExtractionSpec) -> "_Texts":
        check_reading(spec.token_rule, spec.chat, spec.template)
        own = _texts(demonstrations)
        method_texts = texts_of(spec.method, demonstrations, spec.parameters) or own
        strip = spec.strip_punctuation
        texts = [prepared(text, strip_punctuation=strip) for text in method_texts]
        return cls(passages_of(demonstrations, spec, texts))


class _Gathered:
    """States of different texts, filled in from the cache and by the model."""

    def __init__(self, texts: _Texts, shape: tuple[int, int]) -> None:
        self.texts = texts
        self.names = [text.sha256 for text in texts.unique]
        self.tokens = [""] * len(self.names)  # "": not known yet
        # Written through numpy, for which bytes that came from a database need no copy.
        self.values = np.empty((len(self.names), *shape), dtype=np.float32)

    @property
    def n_known(self) -> int:
        return sum(map(bool, self.tokens))

    def fill(self, cache: StateCache) -> None:
        """Take what the cache has."""
        place = {name: number for number, name in enumerate(self.names)}
        for block in cache.find(self.names):
            where = [place[name] for name in block.text_sha256s]
            self.values[where] = block.values
            for number, tokens in zip(where, block.token_sha256s, strict=True):
                self.tokens[number] = tokens

    def block(self, where: list[int]) -> StateBlock:
        """A part of it, to be kept."""
        return StateBlock(
            text_sha256s=tuple(self.names[number] for number in where),
            token_sha256s=tuple(self.tokens[number] for number in where),
            values=self.values[where],
        )


def _record(
    loaded: LoadedModel,
    gathered: _Gathered,
    spec: ExtractionSpec,
    cache: StateCache | None,
    on_progress: OnProgress | None,
    token_budget: int | None,
) -> tuple[str, ...]:
    """Fill in what is missing by forward passes, batch by batch; what happened on the way."""
    texts = gathered.texts
    missing = [number for number, tokens in enumerate(gathered.tokens) if not tokens]
    token_ids, spans = _encoded(loaded, texts, missing, spec)
    for number, ids in zip(missing, token_ids, strict=True):
        gathered.tokens[number] = tokens_sha256(ids)
    _check_differ([gathered.tokens[number] for number in texts.place])
    if on_progress is not None and len(missing) < len(texts.unique):
        on_progress(0, sum(map(len, token_ids)))
    if not missing:
        return ()

    def keep(places: list[int], states: torch.Tensor) -> None:
        where = [missing[place] for place in places]
        gathered.values[where] = states.numpy()
        if cache is not None:
            cache.keep(gathered.block(where))

    return record_states(
        loaded,
        token_ids,
        site=spec.read_site,
        include_embeddings=gathered.values.shape[1] > len(loaded.layers),
        token_rule=spec.token_rule,
        lead=_lead(loaded, spec),
        spans=spans,
        name_of=lambda place: texts.name(missing[place]),
        token_budget=token_budget,
        on_progress=on_progress,
        on_batch=keep,
    ).events


def _encoded(
    loaded: LoadedModel, texts: _Texts, missing: Sequence[int], spec: ExtractionSpec
) -> tuple[list[list[int]], list[range] | None]:
    """Token ids of texts, and the tokens that the rule means where it names a part."""
    passages = [texts.unique[number] for number in missing]
    numbers = [texts.first[number] + 1 for number in missing]
    limit = loaded.description.context_length
    if spec.chat is ChatForm.NONE and not spec.token_rule.is_part:
        token_ids = encode(
            loaded.tokenizer,
            [passage.text for passage in passages],
            add_special_tokens=spec.add_special_tokens,
            context_length=limit,
            noun="Demonstration text",
            numbers=numbers,
            total=texts.count,
        )
        return token_ids, None
    token_parts = find_token_parts(
        loaded.tokenizer, passages, add_special_tokens=spec.add_special_tokens
    )
    for number, passage, parts in zip(numbers, passages, token_parts, strict=True):
        name = f"Demonstration text {number} of {texts.count}"
        check_length(name, passage.text, len(parts.token_ids), limit, 0)
    rule = spec.token_rule
    spans = [parts.span(rule) for parts in token_parts] if rule.is_part else None
    return [parts.token_ids for parts in token_parts], spans


def _lead(loaded: LoadedModel, spec: ExtractionSpec) -> int:
    """Tokens in front of every text that are not its own."""
    if spec.chat is not ChatForm.NONE:
        return 0  # a chat template's tokens are part of what is read
    return leading_tokens(loaded.tokenizer) if spec.add_special_tokens else 0


def _pairs(
    gathered: _Gathered,
    spec: ExtractionSpec,
    reuse: Reuse,
    *,
    layers: tuple[int, ...],
    events: tuple[str, ...],
) -> PairedStates:
    """Texts back in the order of the demonstrations, with what the method wants of them."""
    place = gathered.texts.place
    in_order = place == list(range(len(gathered.names)))
    values = torch.from_numpy(gathered.values if in_order else gathered.values[place])
    states = States(
        values=values,
        layers=layers,
        has_embeddings=values.shape[1] > len(layers),
        events=events,
    )
    if not find_method(spec.method).needs_embeddings:
        states = states.without_embeddings()
    half = len(place) // 2
    return PairedStates(source=states[:half], target=states[half:], reuse=reuse)


def _shape(loaded: LoadedModel, spec: ExtractionSpec) -> tuple[int, int]:
    """Of a text's state when nobody else will ask for it: what the method needs."""
    rows = len(loaded.layers) + find_method(spec.method).needs_embeddings
    return rows, loaded.description.d_model


def _check_differ(tokens: Sequence[str]) -> None:
    """Refuse pairs whose difference is zero, as when only deleted punctuation told them apart."""
    pairs = len(tokens) // 2
    same = [number + 1 for number in range(pairs) if tokens[number] == tokens[pairs + number]]
    if same:
        raise InputError(
            f"Source and target of {len(same)} demonstrations are the same tokens (first: number "
            f"{same[0]}): their difference would be zero. Change them, or leave punctuation in."
        )


def _texts(demonstrations: Sequence[Demonstration]) -> list[str]:
    """Every source, then every target."""
    targets = [
        demonstration.target for demonstration in demonstrations if demonstration.target is not None
    ]
    if not demonstrations or len(targets) < len(demonstrations):
        raise InputError(
            f"{len(targets)} of {len(demonstrations)} demonstrations are pairs; a vector needs at "
            "least one, and a target in each."
        )
    return [demonstration.source for demonstration in demonstrations] + targets
