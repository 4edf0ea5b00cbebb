"""The command line, ``noun verb``: a command parses, calls one service, prints.

Importing this package imports no torch, so that ``--help`` answers at once.
"""
