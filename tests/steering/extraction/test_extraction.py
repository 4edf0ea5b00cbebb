import numpy as np
import pytest

from tests.tiny_models import tiny_model
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.vectors.vectors import ExtractionSpec, Site
from vectorlab.errors import InputError, IntegrityError
from vectorlab.steering.extraction.extraction import Extraction, extract
from vectorlab.steering.model.loading import LoadedModel
from vectorlab.steering.recording.activations import record_states

PAIRS = [
    Demonstration(source="This is dull.", target="This is bright!"),
    Demonstration(source="A poor meal", target="A rich meal"),
    Demonstration(source="I can't stand it", target="I can hardly wait for more of it"),
    Demonstration(source="Bad", target="Good"),
]
ARCHITECTURES = ["llama", "gpt2", "qwen2", "gemma2"]


def extraction(
    loaded: LoadedModel, pairs: list[Demonstration], method: str = "icv", **fields: object
) -> Extraction:
    values = {
        "model_fingerprint": loaded.description.fingerprint,
        "set_sha256": "f" * 64,
        "method": method,
        "read_site": Site.BLOCK_OUTPUT,
        "write_site": Site.MLP_OUTPUT,
    } | fields
    return extract(loaded, pairs, ExtractionSpec(**values))  # type: ignore[arg-type]


def swapped(pairs: list[Demonstration]) -> list[Demonstration]:
    return [Demonstration(source=item.target or "", target=item.source) for item in pairs]


def stack(result: Extraction) -> np.ndarray:
    return np.stack([item.values for item in result.layers])


# Ten pairs with one shift between them, as real demonstrations have.
ALIKE = [
    Demonstration(source=f"The {word} was bad", target=f"The {word} was good!")
    for word in ["soup", "room", "film", "song", "trip", "book", "game", "talk", "walk", "cake"]
]


@pytest.mark.parametrize("bos", [True, False])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_icv_is_close_to_the_mean_difference_at_every_layer(name: str, bos: bool) -> None:
    loaded = tiny_model(name, bos=bos)
    icv, mean = (stack(extraction(loaded, ALIKE, method)) for method in ("icv", "mean_difference"))
    cosines = (icv * mean).sum(1) / np.linalg.norm(icv, axis=1) / np.linalg.norm(mean, axis=1)
    assert cosines.min() > 0.99


@pytest.mark.parametrize("method", ["icv", "mean_difference"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_swapping_all_pairs_negates_the_vector(name: str, method: str) -> None:
    loaded = tiny_model(name)
    there, back = (stack(extraction(loaded, pairs, method)) for pairs in (PAIRS, swapped(PAIRS)))
    np.testing.assert_allclose(there, -back, atol=1e-5)


@pytest.mark.parametrize("bos", [True, False])
def test_the_state_read_is_that_of_the_last_real_token(bos: bool) -> None:
    loaded = tiny_model("qwen2", bos=bos)
    result = extraction(loaded, PAIRS, "mean_difference")
    ids = [
        loaded.tokenizer(text)["input_ids"] for item in PAIRS for text in (item.source, item.target)
    ]
    assert all((row[0] == 1) is bos for row in ids)
    alone = [record_states(loaded, [row], site=Site.BLOCK_OUTPUT).values[0] for row in ids]
    differences = [after - before for before, after in zip(alone[::2], alone[1::2], strict=True)]
    expected = sum(difference.numpy() for difference in differences) / len(PAIRS)
    np.testing.assert_allclose(stack(result), expected, atol=1e-5)


def test_a_result_has_every_layer_and_an_alignment_per_demonstration() -> None:
    result = extraction(tiny_model("llama"), PAIRS)
    assert [item.layer for item in result.layers] == [0, 1, 2]
    assert all(item.values.dtype == np.float32 for item in result.layers)
    assert all(0 < (item.explained_variance or 0) <= 1 for item in result.layers)
    assert [item.position for item in result.alignments] == [0, 1, 2, 3]
    for item in result.alignments:
        assert item.mean == pytest.approx(sum(item.cosines) / 3)


def test_reading_another_site_gives_another_vector() -> None:
    loaded = tiny_model("llama")
    sites = [stack(extraction(loaded, PAIRS, read_site=site)) for site in Site]
    assert not np.allclose(sites[0], sites[1])
    assert not np.allclose(sites[1], sites[2])


def test_deleting_punctuation_is_an_option() -> None:
    loaded = tiny_model("llama")
    plain = [
        Demonstration(source="Dont go", target="Please go"),
        Demonstration(source="No", target="Yes"),
    ]
    marked = [
        Demonstration(source="Don't go.", target=" Please, go!"),
        Demonstration(source="No...", target="Yes"),
    ]
    clean = stack(extraction(loaded, plain))
    np.testing.assert_array_equal(stack(extraction(loaded, marked, strip_punctuation=True)), clean)
    assert not np.allclose(stack(extraction(loaded, marked)), clean)


def test_extraction_repeats_to_the_bit() -> None:
    loaded = tiny_model("gpt2")
    assert [item.sha256 for item in extraction(loaded, PAIRS).layers] == [
        item.sha256 for item in extraction(loaded, PAIRS).layers
    ]


@pytest.mark.parametrize("pairs", [[], [*PAIRS, Demonstration(source="alone", target=None)]])
def test_demonstrations_that_are_no_pairs_are_refused(pairs: list[Demonstration]) -> None:
    with pytest.raises(InputError, match=f"of {len(pairs)} demonstrations are pairs"):
        extraction(tiny_model("llama"), pairs)


def test_a_text_beyond_the_context_is_refused() -> None:
    pairs = [*PAIRS, Demonstration(source="short", target="long " * 40)]
    with pytest.raises(InputError, match=r"Demonstration text 10 of 10 has 201 tokens.* 128"):
        extraction(tiny_model("llama"), pairs)


def test_a_request_for_another_model_or_dtype_is_refused() -> None:
    loaded = tiny_model("llama")
    with pytest.raises(IntegrityError, match="request is for model 000000000000"):
        extraction(loaded, PAIRS, model_fingerprint="0" * 64)
    with pytest.raises(InputError, match="computes in float16"):
        extraction(loaded, PAIRS, dtype="float16")
