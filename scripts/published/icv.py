"""In-context vectors: shengliu66/ICV, its files as they are.

Without CUDA ``.cuda()`` is made to do nothing, and modules that the authors did not publish have
stand-ins that nothing here uses.
"""

import string
import types
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from unittest import mock

import numpy as np
import torch

from scripts.published import ours
from scripts.published.checkouts import modules_of
from scripts.published.tables import Row, Table, counted, within
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.vectors.vectors import Site
from vectorlab.steering.model.loading import LoadedModel

PACKAGES = ("torch", "transformers", "numpy")
ABOUT = (
    "`obtain_icv` and `add_icv_layers` of the authors against extraction and `rotate` here, on the "
    "bundled model and a random one of the Qwen2 architecture, for the sets that come with the "
    "package (`dialogue_safety`, `sentiment_paraphrase`), `examples/reviews.csv`, six pairs and "
    "one pair. The authors' layer rounds to half precision; where a row says *float32* that cast "
    "is made to do nothing. With two pairs the sign of the component is a tie, which ours gives to "
    "the first pair and theirs to what rounding favours: the nearer of both signs is compared."
)
STRENGTHS = (0.05, 0.1, 0.12, 0.2, 0.3)
OF_LOGITS = (-0.3, -0.1, 0.05, 0.12, 0.3, 1.0)
RANKS = range(2, 10)
NEW_TOKENS = 24
PROMPTS_OF_TEXTS = 4


@dataclass(frozen=True)
class Code:
    """The authors' functions."""

    tasks: ModuleType
    layers: ModuleType

    @torch.no_grad()
    def vector(
        self, loaded: LoadedModel, pairs: ours.Pairs, *, strip: bool = True, rank: int = 1
    ) -> np.ndarray:
        """The in-context vector (L, D) of pairs."""
        prepare = without_punctuation if strip else str
        asked = [
            [loaded.tokenizer(prepare(text)) for text in (pair.source, pair.target)]
            for pair in pairs
        ]
        with _without("cuda"):
            direction, _ = self.tasks.BaseProbInference.obtain_icv(loaded.model, asked, rank)
        return direction[1:].numpy()

    @contextmanager
    def at_work(
        self,
        loaded: LoadedModel,
        vectors: Sequence[np.ndarray],
        strength: float,
        *,
        rounded: bool = False,
    ) -> Iterator[None]:
        """The model with vectors (L, D) in its MLPs; ``rounded`` leaves the cast to half there."""
        stack = torch.stack([torch.tensor(values) for values in vectors], dim=1)
        whole = nullcontext() if rounded else _without("half")
        self.layers.add_icv_layers(loaded.model, stack, [strength] * len(vectors))
        try:
            with whole:
                yield
        finally:
            self.layers.remove_icv_layers(loaded.model)


@contextmanager
def code_of(checkout: Path) -> Iterator[Code]:
    """The authors' code; `tasks/__init__.py`, which imports what is not public, is skipped."""
    tasks = types.ModuleType("tasks")
    tasks.__path__ = [str(checkout / "tasks")]
    unused = ("anchor", "datasets", "tasks.loader", "utils.rng_ctx")
    stand_ins = {"tasks": tasks, **{name: mock.MagicMock() for name in unused}}
    names = ("tasks.base", "utils.llm_layers")
    with modules_of(checkout, names, stand_ins=stand_ins) as found:
        yield Code(*(found[name] for name in names))


def _without(method: str) -> AbstractContextManager[object]:
    """A method of tensors does nothing within the block."""
    return mock.patch.object(torch.Tensor, method, lambda tensor: tensor)


def without_punctuation(text: str) -> str:
    """As the authors' notebook prepares a demonstration."""
    return text.translate(str.maketrans("", "", string.punctuation)).strip()


def measure(checkout: Path | None) -> tuple[Table, ...]:
    """Everything about this code."""
    assert checkout is not None
    with code_of(checkout) as code:
        rows = {name: [] for name in ("vectors", "logits", "texts")}
        for name, loaded in ours.models().items():
            rows["vectors"] += _vectors(code, name, loaded)
            rows["logits"] += _logits(code, name, loaded)
            rows["texts"] += _texts(code, name, loaded)
    return tuple(Table(title=title, rows=tuple(found)) for title, found in rows.items())


def _own(
    loaded: LoadedModel, pairs: ours.Pairs, *, strip: bool = True, rank: int = 1
) -> np.ndarray:
    return ours.vector(
        loaded,
        pairs,
        "icv",
        parameters={"rank": rank},
        strip_punctuation=strip,
        write_site=Site.MLP_OUTPUT,
    )


def _vectors(code: Code, name: str, loaded: LoadedModel) -> list[Row]:
    angles, lengths, ranks = [0.0], [0.0], [0.0]
    for pairs in ours.sets().values():
        for strip in (False, True):
            mine, other = _own(loaded, pairs, strip=strip), code.vector(loaded, pairs, strip=strip)
            angles.append(ours.turned(mine, other))
            ratios = np.linalg.norm(mine, axis=1) / np.linalg.norm(other, axis=1)
            lengths.append(float(np.abs(ratios - 1).max()))
        for rank in (rank for rank in RANKS if rank < len(pairs)):
            mine, other = _own(loaded, pairs, rank=rank), code.vector(loaded, pairs, rank=rank)
            ranks.append(ours.apart(mine, other))
    count = 2 * len(ours.sets())
    cases = f"{name}, {count} vectors (5 sets, punctuation kept and deleted), every layer"
    return [
        within(cases, max(angles), 1e-9, "1 - smallest cosine"),
        within(cases, max(lengths), 1e-5, "largest relative difference of lengths"),
        within(f"{name}, ranks 2 to 9", max(ranks), 1e-4, "largest relative difference"),
        _two_pairs(code, name, loaded),
    ]


def _two_pairs(code: Code, name: str, loaded: LoadedModel) -> Row:
    pairs = ours.sets()["reviews"][:2]
    mean = ours.vector(loaded, pairs, "mean_difference", strip_punctuation=True)
    mine, other = _own(loaded, pairs), code.vector(loaded, pairs)
    nearest = min(ours.apart(values, other) for values in (mine, 2 * mean - mine))
    return within(f"{name}, two pairs", nearest, 1e-5, "relative difference, nearer sign")


def _logits(code: Code, name: str, loaded: LoadedModel) -> list[Row]:
    chosen = [code.vector(loaded, pairs) for pairs in list(ours.sets().values())[:3]]
    ids = loaded.tokenizer(ours.prompts()[0])["input_ids"]
    plain = ours.logits(loaded, ids)
    found: dict[bool, list[float]] = {False: [], True: []}
    moved = []
    for count in (1, 2, 3):
        layers = [ours.layers_of(values) for values in chosen[:count]]
        for strength in OF_LOGITS:
            with ours.steered(
                loaded, layers, operator=Operator.ROTATE, site=Site.MLP_OUTPUT, strength=strength
            ):
                mine = ours.logits(loaded, ids)
            moved.append(ours.furthest(mine, plain))
            for rounded in found:
                with code.at_work(loaded, chosen[:count], strength, rounded=rounded):
                    found[rounded].append(ours.furthest(mine, ours.logits(loaded, ids)))
    cases = f"{name}, 1 to 3 vectors, strengths {OF_LOGITS[0]:g} to {OF_LOGITS[-1]:g}"
    effect = f"(steering moves them by {min(moved):.1f} to {max(moved):.1f})"
    return [
        within(f"{cases}, float32 {effect}", max(found[False]), 1e-4, "largest difference"),
        within(f"{cases}, as published", max(found[True]), 5e-2, "largest difference"),
    ]


def _texts(code: Code, name: str, loaded: LoadedModel) -> list[Row]:
    same, of = {False: 0, True: 0}, 0
    prompts = ours.prompts()[:PROMPTS_OF_TEXTS]
    for pairs in list(ours.sets().values())[:4]:
        values = code.vector(loaded, pairs)
        mine = ours.texts(
            loaded,
            prompts,
            ours.layers_of(values),
            STRENGTHS,
            new_tokens=NEW_TOKENS,
            operator=Operator.ROTATE,
            site=Site.MLP_OUTPUT,
        )
        of += len(mine)
        for (prompt, strength), tokens in mine.items():
            for rounded in same:
                with code.at_work(loaded, [values], strength, rounded=rounded):
                    same[rounded] += tokens == _generated(loaded, prompt)
    cases = f"{name}, greedy, 4 sets, {len(prompts)} prompts, strengths 0.05 to 0.3"
    return [
        counted(f"{cases}, float32", same[False], of),
        counted(f"{cases}, as published", same[True], of, least=0.9),
    ]


@torch.no_grad()
def _generated(loaded: LoadedModel, prompt: str) -> tuple[int, ...]:
    """Greedy continuation by transformers, with what ends it."""
    asked = loaded.tokenizer(prompt, return_tensors="pt")
    with nullcontext() if loaded.eos_token_ids else ours.without_end(loaded.model):
        made = loaded.model.generate(
            input_ids=asked["input_ids"],
            attention_mask=asked["attention_mask"],
            do_sample=False,
            max_new_tokens=NEW_TOKENS,
            pad_token_id=loaded.tokenizer.pad_token_id,
        )
    return tuple(made[0, asked["input_ids"].shape[1] :].tolist())
