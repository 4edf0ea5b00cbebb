import pytest
import torch

from vectorlab.steering.extraction import leading_eigenvectors
from vectorlab.steering.extraction.leading_eigenvectors import largest

pytestmark = pytest.mark.kernels


def gram(rows: int, decay: float, seed: int = 0) -> torch.Tensor:
    """Positive semidefinite, with eigenvalues that fall by that factor from one to the next."""
    generator = torch.Generator().manual_seed(seed)
    basis, _ = torch.linalg.qr(torch.randn(rows, rows, generator=generator, dtype=torch.float64))
    return basis * decay ** torch.arange(rows, dtype=torch.float64) @ basis.T


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.999, 1.0])
@pytest.mark.parametrize("rows", [1, 2, 40, 300])
def test_the_largest_pair_is_an_eigenpair_to_full_accuracy(rows, decay):
    matrix = gram(rows, decay) * 1e5
    values, vectors = largest(matrix, 1)
    assert values[0].item() == pytest.approx(1e5, rel=1e-12)
    assert torch.linalg.vector_norm(matrix @ vectors - values * vectors) < 1e-7
    assert torch.linalg.vector_norm(vectors).item() == pytest.approx(1)


def test_a_clear_spectrum_needs_no_whole_decomposition(monkeypatch):
    matrix = gram(300, 0.8)
    expected = torch.linalg.eigh(matrix)[1][:, -1]
    whole = torch.linalg.eigh

    def small_only(given):
        assert len(given) < 100
        return whole(given)

    monkeypatch.setattr(torch.linalg, "eigh", small_only)
    _, vectors = largest(matrix, 1)
    assert abs(vectors[:, 0] @ expected) == pytest.approx(1, abs=1e-14)


def test_several_pairs_and_fewer_than_asked_for_descend():
    values, vectors = largest(gram(200, 0.9), 3)
    assert values.tolist() == pytest.approx([1, 0.9, 0.81])
    assert vectors.shape == (200, 3)
    assert largest(gram(2, 0.9), 5)[1].shape == (2, 2)


def test_the_same_bits_come_out_every_time():
    matrix = gram(300, 0.9)
    assert torch.equal(largest(matrix, 1)[1], largest(matrix.clone(), 1)[1])


def test_a_matrix_of_rank_zero_or_one_ends_at_once():
    size = leading_eigenvectors._SMALL + 1
    values, _ = largest(torch.zeros(size, size, dtype=torch.float64), 1)
    assert values.tolist() == [0]
    one = torch.ones(size, size, dtype=torch.float64)
    values, vectors = largest(one, 1)
    assert values.tolist() == pytest.approx([size])
    assert vectors.abs().tolist() == [pytest.approx([size**-0.5])] * size
