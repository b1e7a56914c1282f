"""Faults against workers and broker, seeded, and a verdict per invariant.

``python -m tests.chaos --help``. The workers under test are processes of their own; the broker
is a real Kafka; between them stands a network that fails on demand.
"""
