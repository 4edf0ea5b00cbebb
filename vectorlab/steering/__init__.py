"""The steering engine: read states, make vectors of them, write vectors while generating.

The only package that imports torch and transformers; it knows no store. Extraction, aggregation
and application are separate functions with plain data between them.

Shape letters used throughout: ``B`` rows of a batch, ``T`` tokens, ``D`` d_model, ``L`` layers,
``N`` texts or pairs, ``K`` interventions at one place, ``A`` arms, ``V`` vocabulary.
"""
