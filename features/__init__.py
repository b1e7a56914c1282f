"""Pure computation: events in, profiles out, time as an argument.

Law of the folder: no Kafka, no clock, no files, no environment, no unseeded randomness.
Modules import from their left only, in the order ``taxonomy, events, kernels, tagging,
batches, windows, signals, interests, suppression, profiles, engine``. Only `kernels` imports
numba, only `interests` imports river. The public face is `features.engine.Engine`.
"""
