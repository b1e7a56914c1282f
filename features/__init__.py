"""Pure computation: events in, profiles out, time as an argument.

Law of the folder: no Kafka, no clock, no files but the package's own data, no environment, no
unseeded randomness. Modules import from their left only, in the order that `tests/architecture.py`
lists: what an event is, kernels, tags, batches and their sequence, windows, signals, interests,
what is known about accounts, profiles, the checkpoint, the engine. Only `kernels` imports numba;
River stays in `interests`, `textual` and `groups`, where something learns. The public face is
`features.engine.Engine`.
"""
