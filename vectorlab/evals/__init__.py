"""Scores of texts: one scorer for each file of ``scorers/``, and the passes they share; no store.

A scorer gets one text and what belongs to it and says a value or why there is none. What becomes
of many values is for ``vectorlab.domain.scores``.
"""
