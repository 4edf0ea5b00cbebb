"""One file per featurizer; ``base`` has the interface and ``registry`` finds them by name."""
