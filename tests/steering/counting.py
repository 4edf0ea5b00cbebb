"""What decoding asks of a device, counted on any machine: operators, waits of the host, memory.

Everything that torch runs passes a dispatch mode, composite operators in their parts. On the meta
device nothing holds a value, so what reads one from the host cannot stay hidden; it is counted and
answered with ones, and the loop goes on.
"""

import weakref
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from tests.steering.builders import arm, run_spec, vectors
from tests.tiny_models import random_model, tiny_model
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.runs.runs import RunSpec
from vectorlab.steering.generation.generation import Member, generate, generate_together
from vectorlab.steering.interventions.arm_table import SteeringTable
from vectorlab.steering.interventions.hooks import steer
from vectorlab.steering.model.architectures import decoder_layers
from vectorlab.steering.model.loading import LoadedModel

_aten = torch.ops.aten
_WAITING_TAGS = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
_INDEXING = {_aten.index.Tensor, _aten.index_put.default, _aten.index_put_.default}


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What ran in one forward pass and behind it, up to the next."""

    operators: Counter[str] = field(default_factory=Counter)
    views: Counter[str] = field(default_factory=Counter)  # of them; they run nothing on a device
    waits: Counter[str] = field(default_factory=Counter)  # of them: the host and a device meet

    def __sub__(self, other: "Counts") -> "Counts":
        return Counts(
            operators=_difference(self.operators, other.operators),
            views=_difference(self.views, other.views),
            waits=_difference(self.waits, other.waits),
        )


class Watch(TorchDispatchMode):
    """Counts what runs in its with-block, and the bytes of what that allocates."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = [Counts()]  # the first: what ran in front of the first pass
        self.live = self.peak = 0  # bytes
        self._seen: dict[int, weakref.ref[Any]] = {}

    @property
    def decoding(self) -> list[Counts]:
        """The pass over the prompts and the steps; not the last, behind which texts are read."""
        return self.passes[1:-1]

    def next_pass(self, *_: object) -> None:
        """As a hook on the model: a forward pass begins."""
        self.passes.append(Counts())

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        known = _known(func)
        if known.is_composite:
            with self:
                return func.decompose(*args, **kwargs)
        given = [*_tensors(args), *_tensors(kwargs.values())]
        answer = _answer(func, given, kwargs)
        result = func(*args, **kwargs) if answer is None else answer
        made = list(_tensors([result]))
        self._count(known, args, given, made)
        storages = {item.untyped_storage()._cdata for item in given}
        for item in made:
            self._follow(item.untyped_storage(), storages)
        return result

    def _count(
        self, known: "_Known", args: Sequence[Any], given: list[Any], made: list[Any]
    ) -> None:
        counts = self.passes[-1]
        counts.operators[known.name] += 1
        if known.is_view:
            counts.views[known.name] += 1
        if _waits(known, args, given, made):
            counts.waits[known.name] += 1

    def _follow(self, storage: Any, known: set[int]) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in known or key in self._seen:
            return

        def gone(_: object) -> None:
            self.live -= size
            del self._seen[key]

        self._seen[key] = weakref.ref(storage, gone)
        self.live += size
        self.peak = max(self.peak, self.live)


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What is asked of an operator thousands of times and never changes."""

    name: str
    is_composite: bool  # made of others
    is_view: bool
    always_waits: bool
    indexes: bool
    copies: bool


@cache
def _known(func: Any) -> _Known:
    key = torch.DispatchKey.CompositeImplicitAutograd
    return _Known(
        name=str(func).removeprefix("aten."),
        is_composite=torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), key),
        is_view=func.is_view,
        always_waits=func is _aten.lift_fresh.default or not _WAITING_TAGS.isdisjoint(func.tags),
        indexes=func in _INDEXING,
        copies=func in (_aten._to_copy.default, _aten.copy_.default),
    )


def _tensors(items: Any) -> Iterator[torch.Tensor]:
    """Those among arguments or results, in lists too."""
    for item in items:
        if isinstance(item, torch.Tensor):
            yield item
        elif isinstance(item, tuple | list):
            yield from _tensors(item)


def _waits(known: _Known, args: Sequence[Any], given: list[Any], made: list[Any]) -> bool:
    """Whether a device would have to be waited for, or something crosses to it or from it."""
    if known.indexes:
        return any(item is not None and item.dtype in (torch.bool, torch.uint8) for item in args[1])
    if known.always_waits:
        return True
    # A number of the host without axes is an argument of the kernel, unless it is what is copied.
    kinds = {item.device.type for item in (*given, *made) if known.copies or item.ndim}
    return len(kinds) > 1


def _answer(func: Any, given: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Ones for a host that asks what tensors without values hold."""
    if not any(item.is_meta for item in given):
        return None
    if func is _aten._local_scalar_dense.default:
        return torch.ones((), dtype=given[0].dtype).item()
    if func is _aten._to_copy.default and str(kwargs.get("device")) == "cpu":
        return torch.ones(given[0].shape, dtype=kwargs.get("dtype", given[0].dtype))
    return None


def _difference(more: Counter[str], less: Counter[str]) -> Counter[str]:
    """What is left; what is missing counts less than 0."""
    names = more | less
    return Counter({name: more[name] - less[name] for name in names if more[name] != less[name]})


@cache
def without_values(architecture: str) -> LoadedModel:
    """A tiny model on the meta device."""
    model = random_model(architecture).to("meta")
    return replace(
        tiny_model(architecture),
        model=model,
        device=torch.device("meta"),
        layers=decoder_layers(model, architecture),
    )


def watched(loaded: LoadedModel, specs: Sequence[RunSpec]) -> tuple[Watch, list[Any]]:
    """Decode a run, or several in one batch, and count; their results."""
    given = vectors(loaded)
    watch = Watch()
    hook = loaded.model.register_forward_pre_hook(watch.next_pass)
    try:
        with watch:
            if len(specs) == 1:
                return watch, [generate(loaded, specs[0], given)]
            members = [Member(spec=spec, vectors=given) for spec in specs]
            return watch, generate_together(loaded, members)
    finally:
        hook.remove()


def added(loaded: LoadedModel, *runs: Sequence[Arm], **more: Any) -> Counts:
    """What a step of steered runs takes beyond the same step with baselines in every row.

    Args:
        loaded: The model, one that stays.
        runs: Arms of each; several share a batch.
        more: What ``run_spec`` takes.
    """
    prompts = tuple(more.pop("prompts", ["Once upon a time"]))
    options = {"dtype": str(loaded.dtype).removeprefix("torch."), "max_new_tokens": 5} | more
    specs = [run_spec(loaded, prompts, arms, **options) for arms in runs]
    key = (id(loaded), prompts, tuple(map(len, runs)), str(options))
    if key not in _UNSTEERED:
        baselines = [run_spec(loaded, prompts, [arm()] * len(arms), **options) for arms in runs]
        _UNSTEERED[key] = watched(loaded, baselines)[0].decoding
    pairs = zip(watched(loaded, specs)[0].decoding, _UNSTEERED[key], strict=True)
    prompt, first, *others = [steered - unsteered for steered, unsteered in pairs]
    assert not +prompt.waits, "the pass over the prompts waits more often"
    # Conditions begin to remember with the first token that is fed back.
    assert first.waits == others[0].waits, "the first step waits otherwise"
    assert all(other == others[0] for other in others), "steps differ"
    return others[0]


_UNSTEERED: dict[Any, list[Counts]] = {}  # baselines, which many comparisons share


def peak_at_a_layer(loaded: LoadedModel, arms: Sequence[Arm], tokens: int) -> int:
    """Most bytes that steering holds at once when layer 1 writes so many generated tokens a row."""
    modules = [nn.Identity() for _ in loaded.layers.mlp]
    alone = replace(loaded, layers=replace(loaded.layers, mlp=tuple(modules)))
    table = SteeringTable.build(alone, arms, vectors(loaded))
    states = torch.randn(len(arms), tokens, loaded.description.d_model).to(loaded.dtype)
    with torch.inference_mode(), steer(alone, table, range(len(arms))) as steering:
        steering.set_response(True)
        steering.begin_pass(torch.ones(states.shape[:2], dtype=torch.long), None)
        with Watch() as watch:
            modules[1](states)
    return watch.peak


def held_by_steering(loaded: LoadedModel, arms: Sequence[Arm], rows: int) -> int:
    """Bytes of everything that is prepared for a batch whose rows belong to the arms in turn."""
    with torch.inference_mode(), Watch() as watch:
        table = SteeringTable.build(loaded, arms, vectors(loaded))
        with steer(loaded, table, [row % len(arms) for row in range(rows)]) as steering:
            steering.set_response(True)
            return watch.live
