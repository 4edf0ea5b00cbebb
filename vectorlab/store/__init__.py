"""The relational store: the only place that imports SQLAlchemy and Alembic.

Repositories are functions that take an open transaction and domain objects and return domain
objects; no row leaves this package. It knows no torch, no steering, no services, no settings.
"""
