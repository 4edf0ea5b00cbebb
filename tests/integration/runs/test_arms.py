"""Arms with every option, from request to replay, and vectors made of vectors."""

import numpy as np
import pytest

from vectorlab.domain.interventions.arms import Combine
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.runs.runs import Decoding
from vectorlab.domain.vectors.vectors import Site
from vectorlab.errors import InputError, NotFoundError, ShapeError
from vectorlab.services.runs.arms import SweepOptions, Term, build_arms, parse_arm
from vectorlab.services.vectors import vectors

PROMPTS = ["Please paraphrase: Worst restaurant ever!", "Once"]


@pytest.fixture
def two(lab):
    """The lab with a second vector of the same shape."""
    lab.vectors.extract(
        set="upbeat@1", method="mean_difference", write_site=Site.MLP_OUTPUT, name="mean"
    )
    return lab


@pytest.mark.kernels
def test_a_run_with_every_option_replays_token_for_token(two):
    arms = [
        "upbeat:0.1,mean:0.2",
        "upbeat:0.1:layers=0-1,3:positions=prompt:last=2",
        "upbeat:0.1:positions=all+skip_bos:schedule=linear:0:1:4",
        "mean:1:operator=add_norm_preserving:positions=response:first=3",
        "mean:0.5:operator=project_to:site=attention_output:layers=1:schedule=first:2",
        "mean:1:operator=ablate:positions=response:40-",
        [Term(vector="upbeat", strength=-0.1, positions=Positions.parse("prompt+except=5"))],
    ]
    view = two.runs.generate(
        prompts=PROMPTS,
        vectors=["upbeat"],
        strengths=[0.1],
        sweep=SweepOptions(schedule=Schedule.parse("cosine:1:0.5:5"), combine=Combine.SUM),
        arms=arms,
        samples=2,
        decoding=Decoding(max_new_tokens=8, do_sample=True),
    )
    assert len(view.run.spec.arms) == 9
    assert len(view.run.batch_plan.batches) == 1
    assert view.replay().identical
    assert two.runs.get(str(view.id)).run.spec == view.run.spec
    [event] = view.run.environment["events"]
    assert "was not steered at response:40-" in event
    asked = two.runs.request(
        prompts=PROMPTS,
        vectors=["upbeat"],
        strengths=[0.1],
        sweep=SweepOptions(schedule=Schedule.parse("cosine:1:0.5:5"), combine=Combine.SUM),
        arms=arms,
        samples=2,
        decoding=Decoding(max_new_tokens=8, do_sample=True),
    )
    assert asked.found == view.run


def test_an_arm_that_is_written_out_says_what_it_says_and_takes_the_rest_from_the_run(two):
    _, mix, one = build_arms(
        two.db,
        model=two.models.get(),
        references=[],
        strengths=[],
        options=SweepOptions(positions=Positions.PROMPT),
        written=["upbeat:0.1,mean:-2e-1:layers=0-1,3:operator=add", "upbeat:0.1", "mean:0"],
    )
    first, second = mix.interventions
    assert (first.strength, first.operator, first.layers) == (0.1, Operator.ROTATE, None)
    assert (second.strength, second.operator, second.layers) == (-0.2, Operator.ADD, (0, 1, 3))
    assert {item.positions for item in mix.interventions} == {Positions.PROMPT}
    assert mix.label == "upbeat +0.1, mean -0.2 (add, layers 0-1,3)"
    assert one.label == "upbeat +0.1"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not understood"),
        ("upbeat", "not understood"),
        ("upbeat:", "not understood"),
        ("upbeat:0.1,", "not understood"),
        ("upbeat:0.1:speed=3", "not understood"),
        ("upbeat:0.1:layers=0:layers=1", "not understood"),
        ("upbeat:nan", "not finite"),
        ("upbeat:0.1:site=nowhere", "site 'nowhere'. Known are block_output"),
        ("upbeat:0.1:operator=divide", "Known are ablate"),
        ("upbeat:0.1:layers=three", "not understood"),
        ("upbeat:0.1:schedule=linear:0:inf:3", "not finite"),
    ],
)
def test_an_arm_that_cannot_be_read_says_why(text, reason):
    with pytest.raises(InputError, match=reason):
        parse_arm(text)


@pytest.mark.parametrize(
    ("text", "error", "reason"),
    [
        ("nothing:0.1", NotFoundError, "nothing"),
        ("upbeat:0.1:positions=response:last=3", InputError, "not known while it grows"),
        ("upbeat:0.1:layers=99", ShapeError, "Layer 99 does not exist"),
        ("upbeat:1:operator=project_to,mean:0.5:operator=project_to", InputError, "act as one"),
    ],
)
def test_an_arm_that_does_not_fit_is_refused_before_a_job_is_made(two, text, error, reason):
    with pytest.raises(error, match=reason):
        two.runs.request(prompts=["Once"], arms=[text])


def test_what_is_projected_out_is_gone_at_every_layer_and_the_lineage_says_so(two):
    made = two.vectors.project_out("upbeat", "mean", name="rest")
    for left, removed, before in zip(
        *(two.vectors.layers(item) for item in ("rest", "mean", "upbeat")), strict=True
    ):
        scale = before.norm * removed.norm
        assert abs(left.values @ removed.values) < 1e-5 * scale
        again = left.values + (before.values @ removed.values) / removed.norm**2 * removed.values
        np.testing.assert_allclose(again, before.values, atol=1e-4 * before.norm)
    details = vectors.details(two.db, "rest")
    assert [item.weight for item in details.parents] == [1.0, 0.0]
    assert made.parameters == {"of": "upbeat", "removed": ["mean"]}
    assert (made.method, made.operator) == ("projected_out", Operator.ROTATE)


def test_orthogonalised_vectors_are_so_at_every_layer_and_span_what_they_spanned(two):
    two.vectors.extract(
        set="upbeat@1", strip_punctuation=True, name="plain", write_site=Site.MLP_OUTPUT
    )
    made = two.vectors.orthogonalise(["mean", "plain", "upbeat"])
    assert [item.name for item in made] == ["plain-orthogonal", "upbeat-orthogonal"]
    names = ["mean", "plain-orthogonal", "upbeat-orthogonal"]
    for parts in zip(*(two.vectors.layers(name) for name in names), strict=True):
        unit = np.stack([part.values.astype(np.float64) / part.norm for part in parts])
        np.testing.assert_allclose(unit @ unit.T, np.eye(3), atol=1e-3)


def test_a_normalised_vector_has_unit_length_and_remembers_its_norms(two):
    made = two.vectors.normalise("mean", name="unit")
    natural = {str(part.layer): part.norm for part in two.vectors.layers("mean")}
    assert made.parameters["natural_norms"] == pytest.approx(natural)
    for part, before in zip(two.vectors.layers("unit"), two.vectors.layers("mean"), strict=True):
        assert part.norm == pytest.approx(1, abs=1e-6)
        np.testing.assert_allclose(part.values * before.norm, before.values, rtol=1e-5)


def test_a_vector_in_the_span_of_the_others_leaves_nothing_and_nothing_is_stored(two):
    two.vectors.combine("2*upbeat - mean", name="mix")
    before = len(two.vectors.list())
    with pytest.raises(InputError, match=r"Nothing of vector 'mix' is left at layer 0"):
        two.vectors.project_out("mix", ["upbeat", "mean"], name="gone")
    with pytest.raises(InputError, match="two or more"):
        two.vectors.orthogonalise(["mix"])
    with pytest.raises(InputError, match="at least one"):
        two.vectors.project_out("mix", [], name="gone")
    assert len(two.vectors.list()) == before


def test_vectors_of_another_write_site_do_not_go_together(two):
    two.vectors.extract(set="upbeat@1", method="mean_difference", name="block")
    with pytest.raises(ShapeError, match="cannot be combined"):
        two.vectors.project_out("upbeat", "block", name="gone")
