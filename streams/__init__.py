"""Does the input and output: Kafka, HTTP, files and the clock; decisions are in `features`.

Law of the folder: rooms import only from their left (`tests/project/architecture.py`):
settings, metrics and errors, then contract, kafka, client, worker, and beside the worker
datasets, sandbox, evaluation and apps; commands use them all. `client` loads none of the heavy
packages, so that a downstream team can use it alone."""
