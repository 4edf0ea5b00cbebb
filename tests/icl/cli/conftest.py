"""The commands of the wing are typed as all others are."""

from tests.cli.conftest import cli

__all__ = ["cli"]
