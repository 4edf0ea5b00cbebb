"""Scorers, one file each, found by its name; it holds ``SCORER``. Some need torch; no store.

A scorer gets one text and what belongs to it and says a value or why there is none. What becomes
of many values is for ``vectorlab.domain.metrics`` and ``vectorlab.domain.statistics``.
"""
