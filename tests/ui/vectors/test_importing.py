"""A vector from a file, on the page of vectors."""

import pytest

from tests.ui.test_pages import press, shown
from vectorlab.services import models
from vectorlab.services.vectors import files, vectors
from vectorlab.services.vectors.vectors import layer_vectors


@pytest.fixture
def exported(filled, tmp_path):
    """The bytes of a file with the vector of the store, which is purged then."""
    vector = vectors.get(filled, "upbeat-icv")
    path = tmp_path / "kept.safetensors"
    files.export_vector(filled, vector, path)
    numbers = [layer.values.tolist() for layer in layer_vectors(filled, vector)]
    vectors.remove(filled, "upbeat-icv", cascade=True, actor="ada")
    return path.read_bytes(), numbers


@pytest.fixture
def given(visit):
    def upload(name, content):
        app = visit("vectors")
        app.file_uploader[0].set_value((name, content, "application/octet-stream"))
        return app.run()

    return upload


def labels(app, kind):
    return [item.label for item in getattr(app, kind)]


def bad_panel(app):
    bodies = [item.proto.body for item in app.get("html")]
    return "".join(body for body in bodies if "cannot be imported" in body)


def test_a_file_is_stored_as_a_vector_with_its_own_name(filled, exported, given):
    content, numbers = exported
    app = given("kept.safetensors", content)
    assert "upbeat-icv: a vector of method icv on 5 layers, made on tiny." in shown(app)
    assert "Format" not in labels(app, "selectbox")
    assert "Model that it belongs to" not in labels(app, "selectbox")
    app = press(app, "Store the vector")
    vector = vectors.get(filled, "upbeat-icv")
    assert [layer.values.tolist() for layer in layer_vectors(filled, vector)] == numbers
    assert app.query_params["vector"] == "upbeat-icv"


def test_the_format_is_asked_for_where_the_ending_names_none(filled, exported, given):
    app = given("kept.bin", exported[0])
    assert "or say which it is: “Format” safetensors" in bad_panel(app)
    [field] = [item for item in app.selectbox if item.label == "Format"]
    app = field.set_value("safetensors").run()
    assert not bad_panel(app)
    press(app, "Store the vector")
    assert [vector.name for vector in vectors.list_vectors(filled)] == ["upbeat-icv"]


def test_the_model_is_asked_for_where_it_is_not_registered(filled, exported, given):
    own = models.get(filled, "tiny").fingerprint.encode()
    app = given("kept.safetensors", exported[0].replace(own, own[::-1]))
    assert next(item for item in app.button if item.label == "Store the vector").disabled
    [field] = [item for item in app.selectbox if item.label == "Model that it belongs to"]
    app = field.set_value("tiny").run()
    press(app, "Store the vector")
    assert vectors.get(filled, "upbeat-icv").model_name == "tiny"


def test_a_name_that_is_taken_is_an_error_in_the_form(filled, exported, given):
    app = given("kept.safetensors", exported[0])
    press(app, "Store the vector")
    app = press(given("kept.safetensors", exported[0]), "Store the vector")
    assert "Choose another with “Name to keep”" in bad_panel(app)


@pytest.mark.parametrize("content", [b"none", b""])
def test_what_is_no_vector_is_said_without_a_folder(filled, given, content):
    said = bad_panel(given("kept.safetensors", content))
    assert "kept.safetensors is not a safetensors file" in said
    assert "/kept" not in said
