"""The page of the wing is opened as all others are."""

from tests.ui.conftest import db, template, visit

__all__ = ["db", "template", "visit"]
