"""What ``db verify`` reads of RAVEL: tables, and what reads and checks a row of them."""

from vectorlab.ravel.store import entities, results, tables

CHECKS = (
    (tables.ravel_versions, entities.check_content),
    (tables.ravel_featurizers, results.tensors),
)
