"""The lab of the integration tests, on its seeded store."""

from tests.integration.conftest import lab, pairs, seeded_file

__all__ = ["lab", "pairs", "seeded_file"]
