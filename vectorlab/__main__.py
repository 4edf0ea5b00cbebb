"""``python -m vectorlab`` is the ``vectorlab`` command."""

from vectorlab.cli.main import main

if __name__ == "__main__":  # worker processes import this module again
    main()
