"""``python -m vectorlab`` is the ``vectorlab`` command."""

from vectorlab.cli.main import main

main()
