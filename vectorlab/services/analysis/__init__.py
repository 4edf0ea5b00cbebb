"""Queries, charts and tables for the analysis."""
