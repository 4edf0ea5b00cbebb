"""What ``db verify`` reads of in-context learning: tables, and what reads and checks a row."""

from vectorlab.icl.store import runs, tables

CHECKS = ((tables.icl_runs, runs.weights),)
