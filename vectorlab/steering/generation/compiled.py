"""One decoding step as a compiled graph over a static cache, the steering inside it.

What a step needs of the steering goes into the graph as arguments, so vectors and strengths of
another batch of the same shape run on the same graph. While a graph is traced, hooks on the steered
modules put the writers' work into it; torch does not look at hooks again when it chooses a graph,
which is why the steered places are an argument, too.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import nn
from transformers import StaticCache

from vectorlab.steering.generation.sampling import ChosenTokens, greedy_choice
from vectorlab.steering.interventions.hooks import Steering
from vectorlab.steering.model.architectures import as_rows, replace_hidden
from vectorlab.steering.model.loading import LoadedModel
from vectorlab.steering.model.processor import processor

_COLUMNS = 32
_GRAPHS = 64  # of different shapes or steering that a process keeps; then it goes on uncompiled
Step = Callable[..., tuple[torch.Tensor, ChosenTokens]]


@dataclass(kw_only=True)
class Compilation:
    """Whether the batches of a run are compiled; what stood in the way is kept."""

    wanted: bool = False
    reason_against: str | None = None

    def give_up(self, reason: str) -> None:
        """Go on without, for this batch and those that follow."""
        self.wanted, self.reason_against = False, reason

    @property
    def event(self) -> str | None:
        """Why it was not compiled, in words for people; None if it was."""
        return self.reason_against and f"not compiled: {self.reason_against}"


def reason_against(loaded: LoadedModel) -> str | None:
    """Why batches of this model cannot be compiled, or None if it may be tried."""
    if loaded.placement is not None:
        return "the model is spread over devices"
    if not getattr(loaded.model, "_can_compile_fullgraph", False):
        return f"the library does not compile {loaded.description.architecture}"
    if (
        loaded.device.type == "cpu"
        and shutil.which("g++") is None
        and shutil.which("clang") is None
    ):
        return "there is no C++ compiler"
    return None


def static_cache(loaded: LoadedModel, capacity: int) -> StaticCache:
    """An empty cache of fixed shape for so many columns."""
    return StaticCache(config=loaded.model.config, max_cache_len=capacity)


def static_capacity(columns: int) -> int:
    """Columns of a static cache for so many: batches of nearly equal length share a graph."""
    return -(-columns // _COLUMNS) * _COLUMNS


class CompiledSteps:
    """The decoding steps of one batch behind its prompts.

    Args:
        loaded: The model.
        steering: Of the batch, which has come to generated tokens. Its own hooks are off.
        mask: (B, capacity) 0 where there is padding; None without padding.
        past: A static cache that holds the prompts.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        steering: Steering,
        mask: torch.Tensor | None,
        past: StaticCache,
    ) -> None:
        self._loaded = loaded
        self._steering = steering
        self._mask = mask
        self._past = past
        self._step = _compiled(loaded.device.type)
        self._has_run = False
        self._places = tuple((place.layer, place.site.value) for place in steering.places)

    def __call__(
        self, tokens: torch.Tensor, positions: torch.Tensor
    ) -> tuple[torch.Tensor, ChosenTokens]:
        """Feed (B, 1) tokens; logits (B, V), and the likeliest tokens."""
        if self._steering.reads_tokens:
            self._steering.begin_pass(tokens, self._mask)
        works, values = self._steering.arguments()
        if self._loaded.device.type == "cuda":
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        with self._guards():
            outputs = self._step(
                self._loaded.model,
                tokens,
                positions,
                self._mask,
                self._past,
                self._places,
                works,
                values,
            )
        self._has_run = True
        return outputs

    def _guards(self) -> AbstractContextManager[object]:
        """What is checked before a graph runs: all that it was traced with, once for a batch.

        Behind the first step only the arguments' values change, so what tells one graph from
        another is enough; looking at every module of the model costs a tenth of a small one's step.
        """
        if not self._has_run:
            return nullcontext()
        lighter: AbstractContextManager[object] = torch.compiler.set_stance(
            skip_guard_eval_unsafe=True
        )
        return lighter


@contextmanager
def traced_hooks(loaded: LoadedModel, steering: Steering) -> Iterator[None]:
    """Hooks that put the work of every steered place into a graph that is traced meanwhile."""
    with ExitStack() as hooks:
        for number, place in enumerate(steering.places):
            module = loaded.layers.at(place.site)[place.layer]
            hooks.callback(module.register_forward_hook(_traced_hook(number)).remove)
        yield


class _Now:
    """What the hooks of the graph being traced read."""

    rows: int = 0
    works: Sequence[Any] = ()
    values: Any = None


_NOW = _Now()


def _step(
    model: Any,
    tokens: torch.Tensor,
    positions: torch.Tensor,
    mask: torch.Tensor | None,
    past: StaticCache,
    places: tuple[tuple[int, str], ...],  # noqa: ARG001 - another graph for other places
    works: Sequence[Any],
    values: Any,
) -> tuple[torch.Tensor, ChosenTokens]:
    _NOW.rows, _NOW.works, _NOW.values = len(tokens), works, values
    output = model(
        input_ids=tokens,
        attention_mask=mask,
        position_ids=positions,
        past_key_values=past,
        use_cache=True,
        logits_to_keep=1,
    )
    logits = output.logits[:, -1].float()
    return logits, greedy_choice(logits)


@cache
def _compiled(device_type: str) -> Step:
    """The step, compiled when it first runs; on CUDA its kernels are recorded as one graph."""
    mode = "reduce-overhead" if device_type == "cuda" else None
    # A graph kept on the disk is not asked for which instruction set it was made; one made for
    # another gives numbers that are not finite.
    torch.compiler.config.cache_key_tag = processor().kernels
    limits: Any = torch._dynamo.config
    limits.recompile_limit = max(limits.recompile_limit, _GRAPHS)
    return torch.compile(_step, dynamic=False, mode=mode)


def _traced_hook(number: int) -> Callable[[nn.Module, Any, Any], Any]:
    def write(hidden: torch.Tensor) -> torch.Tensor:
        states = hidden if hidden.ndim == 3 else as_rows(hidden, _NOW.rows)
        for work in _NOW.works[number]:
            states = work.change(states, _NOW.values)
        return states.to(hidden.dtype).reshape(hidden.shape)

    def hook(_module: nn.Module, _args: Any, output: Any) -> Any:
        return write(output) if isinstance(output, torch.Tensor) else replace_hidden(output, write)

    return hook
