"""``Lab``: the verbs of the command line for notebooks and scripts.

    from vectorlab import Lab

    lab = Lab()
    lab.sets.import_file("reviews.csv", set="upbeat")
    lab.vectors.extract(set="upbeat@latest", model="tiny", name="upbeat")
    lab.runs.generate(model="tiny", vectors=["upbeat"], strengths=[0.1], prompts=["..."]).to_frame()

``Session`` puts settings, services and worker together, and ``Lab`` is one with all verbs on it.
Torch is imported only once something has to be computed.
"""

from vectorlab.lab.lab import Lab
from vectorlab.lab.runs import RunView

__all__ = ["Lab", "RunView"]
