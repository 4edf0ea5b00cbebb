"""Jobs: the queue's nouns and one class for every kind of request."""
