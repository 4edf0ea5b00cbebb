"""Filters and pairs: what is kept, what is drawn, and that tests share nothing with training."""

from collections import Counter
from dataclasses import replace

import pytest

from tests.ravel.planted import planted_data
from vectorlab.errors import InputError
from vectorlab.ravel.domain.drawing import agrees, draw_examples, keep_known
from vectorlab.ravel.domain.entities import EntityData
from vectorlab.ravel.domain.instances import (
    Completion,
    Example,
    ExamplePart,
    InstanceSpec,
    NewInstance,
    SourceKind,
)

SPEC = InstanceSpec(data_sha256="d", model_fingerprint="m", n_train=48, n_test=16)


def answers(data: EntityData, *, wrong=lambda _t, _e: False) -> list[Completion]:
    """A model that knows everything but what is ``wrong``; a value is the token of its hash."""
    found = []
    for template, item in enumerate(data.templates):
        for entity, about in enumerate(data.entities):
            if item.attribute is None:
                continue
            value = about.values[item.attribute]
            is_wrong = wrong(template, entity)
            text = "?" if is_wrong else value
            found.append(
                Completion(
                    template=template,
                    entity=entity,
                    text=text,
                    token_ids=tuple(text.encode()),
                    correct=not is_wrong,
                )
            )
    return found


def test_examples_of_a_part_come_from_its_splits_alone():
    data = planted_data()
    for example in draw_examples(data, SPEC, answers(data)):
        for entity in (example.entity, example.source_entity):
            assert data.entities[entity].split is example.part.entity_split
        for template in (example.template, example.source_template):
            assert data.templates[template].split is example.part.template_split


def test_no_test_entity_and_no_test_template_is_seen_in_training():
    data = planted_data()
    seen: dict[ExamplePart, tuple[set[int], set[int]]] = {
        part: (set(), set()) for part in ExamplePart
    }
    for example in draw_examples(data, SPEC, answers(data)):
        entities, templates = seen[example.part]
        entities |= {example.entity, example.source_entity}
        templates |= {example.template, example.source_template}
    assert not seen[ExamplePart.TRAIN][0] & seen[ExamplePart.ENTITY_TEST][0]
    assert not seen[ExamplePart.ENTITY_VALIDATION][0] & seen[ExamplePart.ENTITY_TEST][0]
    assert not seen[ExamplePart.TRAIN][1] & seen[ExamplePart.CONTEXT_TEST][1]
    assert not seen[ExamplePart.CONTEXT_VALIDATION][1] & seen[ExamplePart.CONTEXT_TEST][1]


def test_labels_are_the_models_own_answers_to_the_base_template():
    data = planted_data()
    said = {(item.template, item.entity): item.token_ids for item in answers(data)}
    for example in draw_examples(data, SPEC, answers(data)):
        assert example.label == said[example.template, example.entity]
        assert example.counter_label == said[example.template, example.source_entity]
        assert example.label != example.counter_label


def test_all_three_kinds_of_source_are_drawn_about_equally_often():
    data = planted_data()
    found = draw_examples(data, SPEC, answers(data))
    kinds = Counter(item.kind for item in found if item.part is ExamplePart.TRAIN)
    assert set(kinds) == set(SourceKind)
    assert max(kinds.values()) < 2 * min(kinds.values())
    for item in found:
        base, source = data.templates[item.template], data.templates[item.source_template]
        assert {
            SourceKind.SAME: source.attribute == base.attribute,
            SourceKind.OTHER: source.attribute not in (None, base.attribute),
            SourceKind.NEUTRAL: source.attribute is None,
        }[item.kind]


def test_a_neutral_prompt_about_somebody_is_only_used_for_him():
    data = planted_data()
    tied = tuple(
        replace(item, entity=data.entities[0].name) if item.attribute is None else item
        for item in data.templates
    )
    data = replace(data, templates=tied)
    for item in draw_examples(data, SPEC, answers(data)):
        if item.kind is SourceKind.NEUTRAL:
            assert item.source_entity == 0


def test_the_same_seed_draws_the_same_and_another_does_not():
    data = planted_data()
    found = draw_examples(data, SPEC, answers(data))
    assert found == draw_examples(data, SPEC, answers(data))
    assert found != draw_examples(data, replace(SPEC, seed=1), answers(data))


def test_templates_and_entities_that_are_answered_badly_are_left_out():
    data = planted_data()
    kept = keep_known(data, SPEC, answers(data, wrong=lambda t, e: t == 0 or e == 3))
    assert all(item.template != 0 and item.entity != 3 for item in kept.completions)
    colour, shape = kept.accuracies
    assert (colour.templates, colour.templates_kept) == (6, 5)
    assert colour.correct == 5 * 15
    assert shape.share == pytest.approx(15 / 16)


def test_wrong_answers_are_never_used():
    data = planted_data()
    kept = keep_known(data, SPEC, answers(data, wrong=lambda t, e: (t + e) % 5 == 0))
    bad = {(item.template, item.entity) for item in kept.completions if item.correct is False}
    assert bad
    for item in draw_examples(data, SPEC, kept.completions):
        assert not {(item.template, item.entity), (item.template, item.source_entity)} & bad


def test_an_attribute_without_gold_values_is_judged_by_nobody():
    data = planted_data()
    said = [replace(item, correct=None) for item in answers(data)]
    kept = keep_known(data, SPEC, said)
    assert len(kept.completions) == len(said)
    assert kept.accuracies[0].share is None
    assert draw_examples(data, SPEC, kept.completions)


def test_a_model_that_knows_nothing_is_an_error():
    data = planted_data()
    with pytest.raises(InputError, match="No template of attribute 'colour'"):
        keep_known(data, SPEC, answers(data, wrong=lambda _t, _e: True))


def test_answers_that_never_differ_are_an_error():
    data = planted_data()
    same = [replace(item, token_ids=(1,)) for item in answers(data)]
    with pytest.raises(InputError, match="has no pair for attribute 'colour'"):
        draw_examples(data, SPEC, same)


def test_an_example_whose_labels_agree_cannot_exist():
    with pytest.raises(InputError, match="label and counter-label are the same"):
        Example(
            part=ExamplePart.TRAIN,
            kind=SourceKind.SAME,
            template=0,
            entity=1,
            source_template=0,
            source_entity=2,
            label=(4, 5),
            counter_label=(4, 5),
        )


def test_the_content_hash_follows_completions_and_examples():
    data = planted_data()
    said, drawn = answers(data), draw_examples(data, SPEC, answers(data))
    new = NewInstance(
        name="a", model_id=1, version_id=1, spec=SPEC, completions=said, examples=drawn,
        accuracies=(),
    )  # fmt: skip
    assert replace(new, name="b").content_sha256 == new.content_sha256
    assert replace(new, examples=drawn[1:]).content_sha256 != new.content_sha256
    changed = [replace(said[0], token_ids=(9,)), *said[1:]]
    assert replace(new, completions=changed).content_sha256 != new.content_sha256


@pytest.mark.parametrize(
    ("answer", "gold", "truncated", "right"),
    [
        ("Europe", "Europe", False, True),
        ("europe and more", "Europe", False, True),
        ("Indiana", "India", False, False),
        ("America/New", "America/New_York", True, True),
        ("America/New", "America/New_York", False, False),
        ("57", "57", False, True),
        ("Washington", "Washington, D.C.", False, True),
        ("", "Europe", False, False),
    ],
)
def test_when_an_answer_agrees_with_a_gold_value(answer, gold, truncated, right):
    assert agrees(answer, gold, stop_characters='".,\n', truncated=truncated) == right
