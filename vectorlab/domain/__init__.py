"""The nouns of VectorLab as frozen dataclasses and enums: no I/O, no database, no torch.

Everything else depends on this package and it depends only on ``vectorlab.errors``.
"""
