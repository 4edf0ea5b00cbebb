"""What a user can do, one function per action; the only way to the store for CLI and dashboard.

Torch-free: computing is asked for as a job and done by ``vectorlab.worker``.
"""
