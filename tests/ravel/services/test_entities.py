"""Entity data: what files hold, what is refused, and the published counts."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from vectorlab.errors import InputError
from vectorlab.ravel.domain.entities import (
    Entity,
    EntityData,
    Split,
    Template,
    check_data,
    draw_splits,
)
from vectorlab.ravel.services import entities as ravel_entities
from vectorlab.ravel.services import files

# Counts of the published data files: entities and templates by split, neutral prompts.
PUBLISHED = {
    "city": (6, (1787, 818, 947), (131, 73, 69), 938),
    "nobel_prize_winner": (5, (460, 234, 234), (137, 85, 79), 601),
    "verb": (4, (510, 234, 242), (186, 96, 77), 1661),
    "physical_object": (4, (276, 150, 137), (86, 45, 34), 938),
    "occupation": (4, (388, 210, 201), (43, 24, 25), 873),
}
CITY_VALUES = {
    "Country": 158, "Continent": 6, "Latitude": 122, "Longitude": 317, "Language": 171,
    "Timezone": 267,
}  # fmt: skip


def small() -> EntityData:
    splits = (Split.TRAIN, Split.TRAIN, Split.VALIDATION, Split.TEST)
    return EntityData(
        attributes=("colour", "shape"),
        entities=tuple(
            Entity(
                name=f"thing {number}",
                split=split,
                values={"colour": ("red", "blue")[number % 2], "shape": f"s{number}"},
            )
            for number, split in enumerate(splits)
        ),
        templates=(
            *tuple(
                Template(text=f"{beginning} %s has the {asked}", split=split, attribute=asked)
                for asked in ("colour", "shape")
                for beginning, split in zip(("The", "A", "One"), Split, strict=True)
            ),
            Template(text="%s is here", split=Split.TRAIN, attribute=None, entity="thing 0"),
        ),
    )


@pytest.fixture(scope="module")
def published() -> Path:
    folder = os.environ.get("VECTORLAB_RAVEL_DIR")
    if not folder or not Path(folder).is_dir():
        pytest.skip("VECTORLAB_RAVEL_DIR does not name the folder of the published files")
    return Path(folder)


@pytest.mark.acceptance
@pytest.mark.parametrize("kind", list(PUBLISHED))
def test_published_files_are_read_whole_with_the_published_counts(published: Path, kind: str):
    attributes, entities, templates, neutral = PUBLISHED[kind]
    data = files.read_published(published, kind)
    asking = [item for item in data.templates if item.attribute is not None]
    assert len(data.attributes) == attributes
    assert tuple(data.split_counts(data.entities).values()) == entities
    assert tuple(data.split_counts(asking).values()) == templates
    assert len(data.templates_of(None)) == neutral


@pytest.mark.acceptance
def test_published_values_are_counted_and_missing_ones_are_missing(published: Path):
    assert files.published_types(published) == sorted(PUBLISHED)
    city = files.read_published(published, "city")
    assert {name: len(city.values_of(name)) for name in city.attributes} == CITY_VALUES
    work = files.read_published(published, "occupation")
    assert not work.values_of("Gender Bias")
    assert work.templates_of("Gender Bias")


def test_the_built_in_cities_have_held_out_entities_and_templates():
    data = files.built_in("cities")
    assert data.attributes == ("country", "continent", "language", "timezone")
    assert len(data.entities) == 107
    assert all(data.split_counts(data.entities).values())
    for name in (*data.attributes, None):
        assert all(data.split_counts(data.templates_of(name)).values())
        texts = [item.text for item in data.templates_of(name)]
        assert len(set(texts)) == len(texts)


def test_written_and_read_again_the_content_is_the_same(tmp_path: Path):
    data = small()
    odd = replace(data.entities[0], name='naïve "quoted" 東京\t%')
    data = replace(data, entities=(odd, *data.entities[1:]))
    files.write_native(tmp_path / "things.json", data)
    again = files.read_native(tmp_path / "things.json")
    assert again == data
    assert again.sha256 == data.sha256


def test_a_csv_with_one_column_per_attribute_is_read(tmp_path: Path):
    entities, templates = tmp_path / "things.csv", tmp_path / "templates.csv"
    entities.write_text(
        "entity,split,colour,shape\n"
        "ball,train,red,round\ncube,train,blue,square\nring,val,red,\nbox,test,blue,square\n"
    )
    templates.write_text(
        "attribute,split,template\n"
        "colour,train,%s is\ncolour,val,See %s is\ncolour,test,A %s is\n"
        "shape,train,%s has shape\nshape,val,See %s has shape\nshape,test,A %s has shape\n"
        ",train,%s fell\n"
    )
    data = files.read_spreadsheet(entities, templates)
    assert data.attributes == ("colour", "shape")
    assert data.entities[2] == Entity(name="ring", split=Split.VALIDATION, values={"colour": "red"})
    assert data.templates_of(None)[0].text == "%s fell"
    found = ravel_entities.read(str(entities), templates=str(templates))
    assert found == {"things": data}


def test_splits_are_drawn_where_a_csv_names_none():
    names = [f"e{number}" for number in range(40)]
    drawn = draw_splits(names, seed=1)
    assert [drawn.count(split) for split in Split] == [20, 10, 10]
    assert drawn == draw_splits(names, seed=1)
    assert drawn != draw_splits(names, seed=2)


@pytest.mark.parametrize("text", ["no slot at all", "%s and %s"])
def test_templates_without_or_with_two_slots_are_refused(text: str):
    data = small()
    bad = Template(text=text, split=Split.TRAIN, attribute="colour")
    count = text.count("%s")
    with pytest.raises(InputError, match=f"has {count} %s; it must have exactly one"):
        check_data("things", replace(data, templates=(*data.templates, bad)))


def test_an_attribute_with_a_single_value_is_refused_and_one_without_any_is_not():
    data = small()
    same = [replace(e, values={**e.values, "colour": "red"}) for e in data.entities]
    with pytest.raises(InputError, match=r"'colour'.*a single value, 'red'"):
        check_data("things", replace(data, entities=tuple(same)))
    none = [replace(e, values={"shape": e.values["shape"]}) for e in data.entities]
    check_data("things", replace(data, entities=tuple(none)))


@pytest.mark.parametrize("split", [Split.TRAIN, Split.TEST])
def test_an_empty_split_is_refused(split: Split):
    data = small()
    moved = [replace(e, split=split) for e in data.entities]
    with pytest.raises(InputError, match="has no entities in split"):
        check_data("things", replace(data, entities=tuple(moved)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"attributes": ("colour",)}, "takes two"),
        ({"attributes": ("colour", "colour")}, "twice"),
        ({"attributes": ("colour", "shape", "size")}, "'size' of 'things' has no template"),
    ],
)
def test_attributes_that_cannot_be_used_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        check_data("things", replace(small(), **change))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", "{", "is no JSON"),
        ("a.json", "[]", "an object is expected"),
        ("a.json", '{"format": "other"}', "has format 'other'"),
        ("a.json", '{"format": "vectorlab-ravel/1"}', "a list is expected"),
        ("a.csv", "entity,a\nx,1\n", "--templates FILE"),
    ],
)
def test_files_that_hold_something_else_are_refused(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        ravel_entities.read(str(path))


def test_a_csv_with_a_short_row_or_without_its_column_is_refused(tmp_path: Path):
    entities, templates = tmp_path / "e.csv", tmp_path / "t.csv"
    templates.write_text("attribute,template\na,%s is\n")
    entities.write_text("entity,a,b\nx,1\n")
    with pytest.raises(InputError, match=r"e\.csv, line 2: 2 fields, expected 3"):
        files.read_spreadsheet(entities, templates)
    entities.write_text("name,a,b\nx,1,2\n")
    with pytest.raises(InputError, match="no column 'entity'"):
        files.read_spreadsheet(entities, templates)


def test_a_published_folder_with_a_missing_file_or_split_is_refused(tmp_path: Path):
    write = lambda name, value: (tmp_path / name).write_text(json.dumps(value))  # noqa: E731
    write("ravel_x_entity_attributes.json", {"e": {"A": "1"}})
    with pytest.raises(InputError, match="cannot be read"):
        files.read_published(tmp_path, "x")
    write("ravel_x_attribute_to_prompts.json", {"A": ["%s is"]})
    write("ravel_x_entity_to_split.json", {})
    write("ravel_x_prompt_to_split.json", {"%s is": "train"})
    write("wikipedia_x_entity_prompts.json", {})
    with pytest.raises(InputError, match=r"entity 'e' is None; a text is expected"):
        files.read_published(tmp_path, "x")
    with pytest.raises(InputError, match=r"has no entity type 'y'\. It has: x"):
        ravel_entities.read(str(tmp_path), kind="y")


def test_unknown_built_in_data_are_refused():
    with pytest.raises(InputError, match=r"No built-in data 'rivers'\. There is: cities"):
        ravel_entities.read("rivers")
