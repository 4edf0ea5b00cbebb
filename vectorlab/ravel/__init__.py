"""RAVEL on a model: completions, interchange interventions, featurizers and their outcomes.

Needs torch and stands beside ``steering``, which it uses; it knows no store and can be used alone
in a notebook. What there is to compute comes in as domain objects and goes out as such.

Source: Huang et al. 2024, https://arxiv.org/abs/2402.17700
"""
