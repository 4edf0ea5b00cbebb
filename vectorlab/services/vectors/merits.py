"""What a list of vectors says of each: separability, calibrated strength, and who uses it."""

from collections.abc import Sequence

from vectorlab.domain.vectors.lists import Merits
from vectorlab.store.database import Database
from vectorlab.store.vectors import merits


def of_vectors(db: Database, vector_ids: Sequence[int]) -> dict[int, Merits]:
    """Merits by vector; the number of statements does not grow with the number of vectors."""
    with db.read() as tx:
        separable = merits.most_separable(tx, vector_ids)
        calibrated = merits.calibrated(tx, vector_ids)
        used = merits.count_runs(tx, vector_ids)
    return {
        number: Merits(
            separable=separable.get(number),
            calibrated=calibrated.get(number),
            n_runs=used.get(number, 0),
        )
        for number in vector_ids
    }
