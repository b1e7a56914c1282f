"""Runs a worker: inputs polled, folded and committed with their outputs in one transaction.

Law of the folder: what is committed together is written down in `outlet`, and any doubt throws
producer and memory away. Clients and time come through `streams.kafka.ports`. Public face:
`worker.Worker`."""
