"""Runs that share a batch: each is what it would be with anything else in the other rows."""

import copy
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from tests.covering import in_turn
from tests.steering.builders import (
    OTHER,
    arm,
    hook_count,
    intervention,
    run_spec,
    small_memory,
    vectors,
)
from tests.tiny_models import CONFIGURATIONS, tiny_model
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.runs.batch_plan import BatchPlan, Frame
from vectorlab.domain.runs.runs import RunSpec
from vectorlab.domain.vectors.vectors import Site
from vectorlab.errors import InputError, JobCancelled, ModelError
from vectorlab.steering.generation.generation import (
    GenerationResult,
    Member,
    fitting_together,
    generate,
    generate_together,
)
from vectorlab.steering.model.architectures import decoder_layers
from vectorlab.steering.model.loading import LoadedModel

EXPERTS = ["mixtral", "qwen2_moe", "qwen3_moe"]
DENSE = sorted(set(CONFIGURATIONS) - set(EXPERTS))
STEERED = [
    arm(),
    arm(intervention(0.3)),
    arm(intervention(2.0, operator=Operator.ADD, site=Site.BLOCK_OUTPUT, vector=OTHER)),
]


def together(loaded: LoadedModel, *specs: RunSpec) -> list[GenerationResult]:
    members = [Member(spec=spec, vectors=vectors(loaded)) for spec in specs]
    outcomes = generate_together(loaded, members)
    assert not [item for item in outcomes if isinstance(item, Exception)]
    return outcomes  # type: ignore[return-value]


def replayed(loaded: LoadedModel, spec: RunSpec, result: GenerationResult) -> GenerationResult:
    """From what is stored with a run: its specification and its plan, through JSON."""
    plan = BatchPlan.from_json(result.plan.to_json())
    return generate(loaded, spec, vectors(loaded), plan=plan)


def several(loaded: LoadedModel, **more: object) -> list[RunSpec]:
    """Runs of unequal width, arms and samples."""
    return [
        run_spec(loaded, ["Hi"], STEERED[:1], **more),
        run_spec(loaded, ["Once upon a time", "x"], STEERED, **more),
        run_spec(loaded, ["A somewhat longer prompt"], STEERED[1:2], samples=3, seed=5, **more),
        run_spec(
            loaded,
            ["Once"],
            [arm(intervention(0.2), intervention(0.4, vector=OTHER, positions=Positions.RESPONSE))],
            **more,
        ),
    ]


@pytest.mark.parametrize(("name", "sampled"), in_turn(DENSE, [False, True]))
def test_every_run_of_a_shared_batch_replays_to_the_bit(name: str, sampled: bool) -> None:
    loaded = tiny_model(name)
    specs = several(loaded, do_sample=sampled, max_new_tokens=6)
    clean = hook_count(loaded)
    results = together(loaded, *specs)
    assert hook_count(loaded) == clean
    assert [result.plan.frames[0].first for result in results] == [0, 1, 7, 10]
    for spec, result in zip(specs, results, strict=True):
        assert replayed(loaded, spec, result) == result  # texts, tokens, mean log-probabilities


@pytest.mark.parametrize(
    ("name", "dtype"), in_turn(["llama", "gpt2", "gemma2", "qwen2"], ["float32", "bfloat16"])
)
def test_what_stands_in_the_other_rows_does_not_matter(name: str, dtype: str) -> None:
    loaded = tiny_model(name)
    if dtype == "bfloat16":
        loaded = as_bfloat16(loaded)
    mine = run_spec(loaded, ["Once upon"], STEERED, do_sample=True, dtype=dtype)
    others = [
        run_spec(loaded, [text, "ab"], arms, seed=seed, do_sample=True, dtype=dtype)
        for seed, (text, arms) in enumerate(
            [
                ("This is one prompt", STEERED[:2]),
                ("QQQQQQQQQQQQQQQQQQ", STEERED[:2]),
                ("This is one prompt", [arm(intervention(9.0)), arm()]),
            ]
        )
    ]
    found = [together(loaded, mine, other)[0] for other in others]
    assert found[0] == found[1] == found[2]


def as_bfloat16(loaded: LoadedModel) -> LoadedModel:
    model = copy.deepcopy(loaded.model).to(torch.bfloat16)
    layers = decoder_layers(model, loaded.description.architecture)
    return LoadedModel(
        **(vars(loaded) | {"model": model, "dtype": torch.bfloat16, "layers": layers})
    )


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_a_shared_batch_gives_the_texts_of_each_run_alone(name: str) -> None:
    loaded = tiny_model(name)
    specs = several(loaded)
    for spec, result in zip(specs, together(loaded, *specs), strict=True):
        alone = generate(loaded, spec, vectors(loaded))
        assert [item.token_ids for item in alone.generations] == [
            item.token_ids for item in result.generations
        ]


@pytest.mark.parametrize("longer", ["Once upon a time", "O"])
def test_a_frame_is_filled_up_to_the_same_shape(longer: str) -> None:
    """Also where the run itself has only the longest, or only the shortest prompt."""
    loaded = tiny_model("llama")
    shapes: list[tuple[tuple[int, ...], bool]] = []

    def watch(_module: object, _args: object, kwargs: dict[str, torch.Tensor]) -> None:
        mask = kwargs.get("attention_mask")
        shapes.append((tuple(kwargs["input_ids"].shape), mask is not None))

    specs = [run_spec(loaded, ["Once"], [arm()]), run_spec(loaded, [longer], STEERED)]
    hook = loaded.model.register_forward_pre_hook(watch, with_kwargs=True)
    try:
        results = together(loaded, *specs)
        shared = shapes.copy()
        for spec, result in zip(specs, results, strict=True):
            shapes.clear()
            replayed(loaded, spec, result)
            assert shapes == shared
    finally:
        hook.remove()


def test_runs_go_together_only_when_they_decode_alike_and_fit() -> None:
    loaded = tiny_model("llama")
    first = run_spec(loaded, ["Once"], STEERED)
    others = [
        run_spec(loaded, ["Other"], STEERED[:1], seed=9),
        run_spec(loaded, ["Other"], STEERED[:1], max_new_tokens=13),
        run_spec(loaded, ["Other"], STEERED[:1], do_sample=True),
        run_spec(loaded, ["p" * 200], STEERED[:1]),  # beyond the context: fails by itself
        run_spec(loaded, ["A wider prompt"], STEERED[:1]),
    ]
    assert fitting_together(loaded, [first, *others]) == [1, 5]
    assert fitting_together(loaded, [first, *others], token_budget=4 * 18) == [1]
    assert fitting_together(loaded, [first, *others], token_budget=10) == []


@pytest.mark.parametrize("name", EXPERTS)
def test_a_model_that_groups_tokens_by_expert_shares_no_batch(name: str) -> None:
    loaded = tiny_model(name)
    spec = run_spec(loaded, ["Once"], STEERED)
    assert fitting_together(loaded, [spec, spec]) == []


def test_one_run_does_not_fail_for_another() -> None:
    loaded = tiny_model("llama")
    good = run_spec(loaded, ["Once"], STEERED)
    infinite = arm(intervention(3e38, operator=Operator.ADD, site=Site.BLOCK_OUTPUT))
    unknown = replace(good, arms=(arm(intervention(vector="c" * 64)),))

    def cancel(_done: int, _total: int) -> None:
        raise JobCancelled("not wanted")

    broken, cancelled, wrong, kept = generate_together(
        loaded,
        [
            Member(spec=run_spec(loaded, ["a"], [infinite]), vectors=vectors(loaded)),
            Member(spec=good, vectors=vectors(loaded), on_progress=cancel),
            Member(spec=unknown, vectors=vectors(loaded)),
            Member(spec=good, vectors=vectors(loaded)),
        ],
    )
    assert isinstance(broken, ModelError)
    assert isinstance(cancelled, JobCancelled)
    assert "No vector" in str(wrong)
    assert isinstance(kept, GenerationResult)
    assert replayed(loaded, good, kept) == kept


def test_a_batch_that_nobody_wants_any_more_is_left() -> None:
    loaded = tiny_model("llama")
    passes: list[int] = []

    def cancel(_done: int, _total: int) -> None:
        raise JobCancelled("not wanted")

    spec = run_spec(loaded, ["Once"], STEERED, max_new_tokens=80)
    hook = loaded.model.register_forward_hook(lambda *_: passes.append(1))
    try:
        outcomes = generate_together(
            loaded,
            [Member(spec=spec, vectors=vectors(loaded), on_progress=cancel)] * 2,
        )
    finally:
        hook.remove()
    assert all(isinstance(item, JobCancelled) for item in outcomes)
    assert len(passes) == 8


def test_a_full_memory_lets_every_run_go_alone_and_says_so() -> None:
    loaded = tiny_model("gpt2")
    specs = several(loaded, do_sample=True)
    expected = together(loaded, *specs)
    with small_memory(loaded, rows=3):
        results = together(loaded, *specs)
    for spec, result, wanted in zip(specs, results, expected, strict=True):
        assert result.events[0] == "out of memory with 11 rows of 4 runs: each run alone"
        assert [item.token_ids for item in result.generations] == [
            item.token_ids for item in wanted.generations
        ]
        assert replayed(loaded, spec, result).generations == result.generations


def test_other_models_go_before_a_batch_is_halved() -> None:
    loaded = tiny_model("gpt2")
    spec = run_spec(loaded, ["Once", "upon"], STEERED)
    asked: list[int] = []

    def make_room() -> bool:
        asked.append(1)
        return len(asked) == 1

    with small_memory(loaded, rows=3):
        result = generate(loaded, spec, vectors(loaded), make_room=make_room)
    assert result.events == (
        "out of memory with 6 rows: other models dropped",
        "out of memory with 6 rows: batch halved",
    )


def test_texts_are_shown_while_they_grow_and_do_not_change_the_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vectorlab.steering.generation.decoding.SHOW_EVERY_S", 0.0)
    loaded = tiny_model("llama")
    spec = run_spec(loaded, ["Once"], STEERED, max_new_tokens=20)
    seen: list[Sequence[str]] = []
    shown = generate(
        loaded, spec, vectors(loaded), on_texts=lambda texts: seen.append(list(texts.values()))
    )
    assert shown == generate(loaded, spec, vectors(loaded))
    assert len(seen) == 20
    final = [item.text for item in shown.generations]
    assert [text.rstrip("�") for text in seen[-1]] == [text.rstrip("�") for text in final]
    for texts in seen:
        assert all(
            whole.startswith(text.rstrip("�")) for text, whole in zip(texts, final, strict=True)
        )


@pytest.mark.parametrize("frames", [(Frame(rows=1, first=0, width=9, padded=False),), (None, None)])
def test_frames_that_do_not_fit_the_plan_are_refused(frames: tuple[Frame | None, ...]) -> None:
    loaded = tiny_model("llama")
    spec = run_spec(loaded, ["a"], STEERED)
    with pytest.raises(InputError, match="frames or stems do not fit"):
        generate(loaded, spec, vectors(loaded), plan=BatchPlan(batches=((0, 1, 2),), frames=frames))


def test_a_plan_without_shared_batches_is_stored_as_ever() -> None:
    plan = BatchPlan(batches=((0, 1),))
    assert "frames" not in plan.to_json()
    assert BatchPlan.from_json(plan.to_json()) == plan
