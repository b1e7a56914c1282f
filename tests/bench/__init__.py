"""Measurements: contenders side by side on a real Kafka, and how the engine scales.

Law of the folder: `peers` and `floor` run as processes of their own and import nothing of this
project; everything else may import all of it. What one run did is a `results.Result`; ratios are
taken only within a run. Start with ``python -m tests.bench --help``.
"""
