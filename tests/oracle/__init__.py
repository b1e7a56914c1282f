"""Slow, obvious twins of fast code: dictionaries, every event kept, every answer from scratch."""
