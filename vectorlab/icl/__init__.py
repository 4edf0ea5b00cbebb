"""In-context learning as gradient descent: tasks, explicit steps, and attention that does them.

Formulas and signs follow von Oswald et al. 2023, https://arxiv.org/abs/2212.07677. Knows torch
and no store.
"""
