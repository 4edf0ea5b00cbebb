"""Interventions: by which operator, where, when, how strong and on what condition."""
