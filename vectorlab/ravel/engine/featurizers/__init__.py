"""Featurizers, one file each, found by its name; it holds ``MAKER``. ``base`` has the interface."""

from vectorlab.catalogue import in_file_of
from vectorlab.ravel.engine.featurizers.base import Maker


def maker(method: str) -> Maker:
    """How a featurizer of the catalogue in ``ravel.domain.specs`` comes to be.

    Raises:
        CatalogueError: If its file is missing or holds no maker.
    """
    return in_file_of(f"{__name__}.{method}", "MAKER", Maker)
