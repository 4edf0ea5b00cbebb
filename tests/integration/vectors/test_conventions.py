"""Whose convention a vector is made by, and where it acts where nobody says."""

import pytest

from vectorlab.domain.description import describe
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.runs.runs import Decoding
from vectorlab.domain.vectors.conventions import CONVENTIONS, Convention
from vectorlab.domain.vectors.methods import METHODS
from vectorlab.domain.vectors.vectors import ExtractionSpec, Site, TokenRule
from vectorlab.errors import InputError
from vectorlab.services.runs import baselines
from vectorlab.services.runs.arms import SweepOptions, usual_in_words
from vectorlab.services.runs.requests import GenerationRequest
from vectorlab.services.vectors.usual import most_separable, usual_use
from vectorlab.services.vectors.vectors import ExtractionOptions

PROMPTS = ["Please paraphrase: Worst restaurant ever!"]


def asked(lab, **options):
    """The interventions of every arm that a run would have beside the baseline."""
    model = lab.models.get("tiny")
    spec = GenerationRequest(prompts=PROMPTS, **options).spec(lab.db, model)
    return [intervention for arm in spec.arms for intervention in arm.interventions]


def said(spec: ExtractionSpec) -> str:
    return next(fact.value for fact in describe(spec) if fact.field == "convention")


def best_layer(lab, name: str) -> int:
    shares = [part.separability for part in lab.vectors.details(name).layers]
    return most_separable(dict(enumerate(shares)))


@pytest.mark.parametrize("convention", list(Convention))
def test_a_convention_is_expanded_into_the_fields_of_a_request_which_names_it(lab, convention):
    vector = lab.vectors.extract(set="upbeat@1", convention=convention, name="made")
    spec, usual = lab.vectors.details("made").spec, CONVENTIONS[convention]
    assert spec.convention is convention
    assert (spec.method, spec.read_site, spec.write_site) == (
        usual.method,
        usual.read_site,
        usual.write_site,
    )
    assert (spec.token_rule, spec.strip_punctuation) == (usual.token_rule, usual.strip_punctuation)
    assert vector.operator is usual.operator
    assert said(spec) == convention.value
    assert ExtractionSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize("convention", list(Convention))
def test_a_convention_names_a_method_whose_operator_and_sites_are_its_own(convention):
    usual = CONVENTIONS[convention]
    method = METHODS[usual.method]
    assert (method.operator, method.read_site, method.write_site) == (
        usual.operator,
        usual.read_site,
        usual.write_site,
    )


def test_what_is_given_goes_before_a_convention_and_is_said(lab):
    lab.vectors.extract(
        set="upbeat@1",
        convention="caa",
        method="pca",
        token_rule=TokenRule.LAST,
        strip_punctuation=True,
        name="made",
    )
    spec = lab.vectors.details("made").spec
    assert (spec.method, spec.token_rule, spec.strip_punctuation) == ("pca", TokenRule.LAST, True)
    assert said(spec) == "caa, but method pca, tokens last, punctuation deleted yes"


def test_a_convention_that_there_is_none_of_is_refused():
    with pytest.raises(InputError, match="Known are caa, icv, repeng, steering-vectors"):
        ExtractionOptions(convention="cca").reading()


def test_without_a_convention_requests_are_what_they_were():
    assert ExtractionOptions().reading() == {
        "convention": None,
        "method": "icv",
        "parameters": {},
        "read_site": Site.BLOCK_OUTPUT,
        "write_site": Site.MLP_OUTPUT,
        "token_rule": TokenRule.LAST,
        "strip_punctuation": False,
    }


def test_a_vector_that_is_added_acts_on_its_most_separable_layer_unless_all_are_asked_for(lab):
    lab.vectors.extract(set="upbeat@1", method="mean_difference", name="mean")
    best = best_layer(lab, "mean")
    [usual] = asked(lab, vectors="mean", strengths=[1])
    assert (usual.layers, usual.positions) == ((best,), Positions.ALL)
    [whole] = asked(lab, vectors="mean", strengths=[1], sweep=SweepOptions(layers="all"))
    assert whole.layers is None
    [some] = asked(lab, vectors="mean", strengths=[1], sweep=SweepOptions(layers=(1, 2)))
    assert some.layers == (1, 2)
    [removed] = asked(
        lab, vectors="mean", strengths=[1], sweep=SweepOptions(operator=Operator.ABLATE)
    )
    assert removed.layers is None
    written = asked(lab, arms=["mean:1", "mean:2:layers=all", "mean:1:layers=0:operator=ablate"])
    assert [item.layers for item in written] == [(best,), None, (0,)]
    [sentence] = usual_in_words(lab.db, ["mean"], SweepOptions())
    assert sentence.startswith(f"mean: add at layer {best} of 0-9, the most separable (")
    assert sentence.endswith("; --layers all for every layer")
    assert not usual_in_words(lab.db, ["mean", "upbeat"], SweepOptions(layers="all"))


def test_an_in_context_vector_is_rotated_into_all_layers_as_published(lab):
    [turned] = asked(lab, vectors="upbeat")
    assert (turned.layers, turned.strength, turned.operator) == (None, 0.1, Operator.ROTATE)
    assert not usual_in_words(lab.db, ["upbeat"], SweepOptions())


@pytest.mark.parametrize(
    ("convention", "positions", "strength"),
    [("caa", "prompt:last=1+response", 1), ("icv", "all", 0.1), ("repeng", "all", 1)],
)
def test_a_vector_is_applied_as_its_convention_does(lab, convention, positions, strength):
    lab.vectors.extract(set="upbeat@1", convention=convention, name="made")
    [used] = asked(lab, vectors="made")
    layers = {"caa": (best_layer(lab, "made"),), "icv": None, "repeng": tuple(range(1, 9))}
    assert (str(used.positions), used.strength) == (positions, strength)
    assert used.layers == layers[convention]
    [other] = asked(
        lab, vectors="made", sweep=SweepOptions(positions=Positions.PROMPT, layers="all")
    )
    assert (other.positions, other.layers) == (Positions.PROMPT, None)


def test_vectors_made_of_one_act_where_it_does_and_one_of_equal_damage_everywhere(lab):
    lab.vectors.extract(set="upbeat@1", convention="caa", name="made")
    lab.vectors.normalise("made", name="unit")
    lab.vectors.combine("2*made", name="twice")
    control = baselines.random_direction(lab.db, "made", seed=1, actor="ada")
    alike = asked(lab, vectors=["made", "unit", "twice", control.name], strengths=[1])
    assert len({(item.layers, item.positions) for item in alike}) == 1
    assert alike[0].layers == (best_layer(lab, "made"),)
    lab.vectors.equalise("made", kl=0.05, texts="upbeat@1", name="equal")
    [everywhere] = asked(lab, vectors="equal", strengths=[1])
    assert (everywhere.layers, everywhere.positions) == (None, Positions.ALL)


def test_a_vector_of_which_nothing_is_known_acts_in_the_middle(lab, pairs):
    one = lab.sets.commit("one", pairs[:1], message="One pair")
    vector = lab.vectors.extract(set=one.version.label, method="single_pair", name="bare")
    usual = usual_use(lab.db, vector, Operator.ADD)
    assert usual.layers == (5,)
    assert "not known" in usual.reason


def test_controls_of_a_sweep_act_where_their_vector_does(lab):
    lab.vectors.extract(set="upbeat@1", convention="caa", name="made")
    view = lab.runs.sweep(
        vectors="made", strengths=[1], random=1, shuffled=1, prompts=PROMPTS, name="swept"
    )
    used = [item for arm in view.run.spec.arms for item in arm.interventions]
    assert len(used) == 3
    assert {(item.layers, str(item.positions)) for item in used} == {
        ((best_layer(lab, "made"),), "prompt:last=1+response")
    }


def test_a_strength_without_a_vector_is_refused(lab):
    with pytest.raises(InputError, match="belongs to a vector"):
        asked(lab, strengths=[1])


def test_equal_accuracies_leave_the_layer_nearest_the_middle():
    assert most_separable({0: 1.0, 1: 1.0, 2: 1.0, 3: 1.0}) == 2
    assert most_separable({0: 0.9, 1: 0.5, 2: 0.8}) == 0
    assert most_separable({}) is None


def test_a_calibrated_strength_counts_on_the_layers_that_it_was_found_on(lab):
    lab.vectors.extract(set="upbeat@1", method="mean_difference", name="mean")
    ask = {"effect": "length", "prompts": PROMPTS, "decoding": Decoding(max_new_tokens=4)}
    whole = lab.vectors.calibrate("mean", layers=("all",), **ask)
    assert whole.spec.layers is None
    options = SweepOptions(calibrated=True)
    [used] = asked(lab, vectors="mean", strengths=[1], sweep=options)
    assert (used.layers, used.strength) == (None, whole.strength)
    assert "calibrated" in usual_in_words(lab.db, ["mean"], options)[0]
    usual = lab.vectors.calibrate("mean", **ask)
    assert usual.spec.layers == (best_layer(lab, "mean"),)
    [used] = asked(lab, vectors="mean", strengths=[1], sweep=options)
    assert (used.layers, used.strength) == (usual.spec.layers, usual.strength)
