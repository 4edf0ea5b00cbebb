import numpy as np
import pytest

from vectorlab.domain.vectors.vectors import (
    ExtractionSpec,
    LayerVector,
    Site,
    vector_content_sha256,
)


def spec(**changes) -> ExtractionSpec:
    values = {
        "model_fingerprint": "ab",
        "set_sha256": "cd",
        "method": "icv",
        "read_site": Site.BLOCK_OUTPUT,
        "write_site": Site.MLP_OUTPUT,
    }
    return ExtractionSpec(**(values | changes))


def test_an_extraction_survives_its_json_form():
    assert ExtractionSpec.from_json(spec().to_json()) == spec()


@pytest.mark.parametrize(
    "change",
    [
        {"model_fingerprint": "x"},
        {"set_sha256": "x"},
        {"method": "mean_difference"},
        {"parameters": {"rank": 2}},
        {"read_site": Site.MLP_OUTPUT},
        {"write_site": Site.BLOCK_OUTPUT},
        {"strip_punctuation": True},
        {"add_special_tokens": False},
        {"dtype": "bfloat16"},
    ],
)
def test_every_part_of_an_extraction_is_part_of_its_identity(change):
    assert spec(**change).sha256 != spec().sha256


def test_layer_vectors_are_stored_as_little_endian_float32():
    layer = LayerVector(layer=0, values=np.array([1.0, -2.0], dtype=np.float32))
    assert layer.data == bytes.fromhex("0000803f000000c0")
    assert layer.norm == pytest.approx(5**0.5)


def test_one_bit_or_another_site_makes_another_vector():
    values = np.ones(3, dtype=np.float32)
    layers = [LayerVector(layer=0, values=values)]
    changed = [LayerVector(layer=0, values=np.nextafter(values, 2, dtype=np.float32))]
    assert (
        len(
            {
                vector_content_sha256(layers, Site.MLP_OUTPUT),
                vector_content_sha256(changed, Site.MLP_OUTPUT),
                vector_content_sha256(layers, Site.BLOCK_OUTPUT),
            }
        )
        == 3
    )
