"""The stored form of every request: nothing is lost, nothing is added, nothing is guessed."""

import json
from dataclasses import MISSING, dataclass, fields
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import specs
from tests.specs import IDS
from vectorlab.domain.codec import Coded, Stored, decode, encode, fields_of
from vectorlab.domain.runs.batch_plan import BatchPlan, Frame, Products, RowKey
from vectorlab.domain.runs.runs import Decoding, Prompt, RunSpec
from vectorlab.domain.runs.texts import FinishReason, GeneratedText
from vectorlab.errors import IntegrityError
from vectorlab.icl.domain.reference_points import Agreement, ReferenceCheck, ReferencePoint

KINDS = sorted(specs.FULL, key=lambda kind: f"{kind.__module__} {kind.__name__}")


def ids_of(spec: Any) -> dict[str, int]:
    """Row ids that the spec itself has, for those classes that change them."""
    own = getattr(spec, "vector_sha256", None)
    return IDS | ({own: spec.vector_id} if own and hasattr(spec, "vector_id") else {})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_field_is_missing_from_the_stored_form(kind: type) -> None:
    full = specs.NEWEST[kind].to_json()
    for name, changed in specs.changes(kind):
        stored = next(field.stored for field in fields_of(kind) if field.name == name)
        is_identity = not (stored.row_id_of or stored.aside)
        assert (changed.to_json() != full) is is_identity, name


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_request_comes_back_from_its_stored_form(kind: type) -> None:
    asides = {field.name for field in fields_of(kind) if field.stored.aside}
    for spec in (specs.PLAIN[kind], *(changed for _, changed in specs.changes(kind))):
        form = json.loads(json.dumps(spec.to_json()))
        beside = {name: getattr(spec, name) for name in asides}
        again = kind.from_json(form | beside if beside else form, ids_of(spec))  # type: ignore[attr-defined]
        idle = any(field.does_nothing(spec) for field in fields_of(kind))
        assert again == spec or idle  # greedy decoding forgets what it does not use
        assert again.to_json() == spec.to_json()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_is_unknown_or_lacking_in_a_stored_form_is_refused(kind: type) -> None:
    form = specs.NEWEST[kind].to_json()
    if kind in (specs.VectorArm,):
        form = form["vector"] | {"label": "x"}
        kind = specs.RavelRunSpec  # which has no such fields
    with pytest.raises(IntegrityError, match="surprise"):
        kind.from_json({**form, "surprise": 1}, IDS)  # type: ignore[attr-defined]
    for field in fields(kind):
        needed = field.default is MISSING and field.default_factory is MISSING
        if needed and field.name in form:
            rest = {name: value for name, value in form.items() if name != field.name}
            with pytest.raises(IntegrityError, match=f"{field.name}|its vector"):
                kind.from_json(rest, IDS)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("kind", "form", "what"),
    [
        (Decoding, {"max_new_tokens": "7", "do_sample": False, "stop": []}, "max_new_tokens"),
        (Decoding, {"max_new_tokens": True, "do_sample": False, "stop": []}, "max_new_tokens"),
        (Decoding, {"max_new_tokens": 7, "do_sample": 0, "stop": []}, "do_sample"),
        (Decoding, [], "known are"),
        (Prompt, ["text"], "expected text, reference"),
        (RunSpec, specs.PLAIN_RUN.to_json() | {"prompts": [["a", None, "b"]]}, "expected text"),
        (specs.Condition, specs.PLAIN_CONDITION.to_json() | {"measure": "angle"}, "measure"),
        (specs.Condition, specs.PLAIN_CONDITION.to_json() | {"vector_sha256": "x"}, "vector_id"),
    ],
)
def test_a_value_of_another_type_is_refused(kind: Any, form: Any, what: str) -> None:
    with pytest.raises(IntegrityError, match=what):
        kind.from_json(form, IDS)


def test_numbers_keep_their_spelling() -> None:
    """1 and 1.0 have different hashes, so a stored 1 may not come back as 1.0."""
    form = specs.FULL_FEATURIZER.to_json() | {"parameters": {"width": 4, "sparsity": 1.0}}
    again = specs.FeaturizerSpec.from_json(form).to_json()
    assert json.dumps(again["parameters"]) == '{"width": 4, "sparsity": 1.0}'


def test_a_batch_plan_has_one_form_for_nothing() -> None:
    plan = BatchPlan(batches=((0, 2), (1,)))
    said = BatchPlan(batches=((0, 2), (1,)), frames=(None, None), stems=(0, 0))
    assert said == plan
    assert plan.to_json() == {"padding_side": "left", "batches": [[0, 2], [1]]}
    frame = Frame(rows=4, first=1, width=9, padded=True)
    full = BatchPlan(
        batches=((0, 2), (1,)),
        frames=(frame, None),
        stems=(3, 0),
        products=Products.WIDENED,
    )
    assert BatchPlan.from_json(json.loads(json.dumps(full.to_json()))) == full


def test_results_have_a_form_as_well() -> None:
    text = GeneratedText(
        key=RowKey(prompt=1, arm=2, sample=3),
        text="so",
        token_ids=(4, 5),
        finish_reason=FinishReason.STOP,
        mean_logprob=-0.5,
        held=(1, None),
    )
    assert text.to_json()["key"] == [1, 2, 3]
    assert GeneratedText.from_json(text.to_json()) == text
    point = ReferencePoint(
        name="a", about="b", source="c", value=1.0, tolerance=0.1, comparison=Agreement.AT_MOST
    )
    check = ReferenceCheck(point=point, ours=0.5, low=0.4, high=0.6)
    assert decode(ReferenceCheck, json.loads(json.dumps(encode(check)))) == check


@dataclass(frozen=True, kw_only=True)
class Grown(Coded):
    """A request that had ``old`` alone at first."""

    old: float
    new: Annotated[tuple[int, ...], Stored(if_given=True)] = ()
    more: Annotated[int | None, Stored(only_with="new")] = None


@given(
    old=st.floats(allow_nan=False, allow_infinity=False),
    new=st.lists(st.integers()).map(tuple),
    more=st.none() | st.integers(),
)
def test_a_new_field_leaves_the_forms_of_before_as_they_are(
    old: float, new: tuple[int, ...], more: int | None
) -> None:
    grown = Grown(old=old, new=new, more=more)
    form = grown.to_json()
    assert ("new" in form, "more" in form) == (bool(new), bool(new))
    assert Grown.from_json(form) == (grown if new else Grown(old=old))


def test_what_has_no_stored_form_says_so() -> None:
    with pytest.raises(TypeError, match="no stored form"):
        encode(object())
