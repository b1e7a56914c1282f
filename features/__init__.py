"""Computes profiles from events: events in, profiles out, time as an argument.

Law of the folder: no Kafka, no clock, no files but the package's own data, no environment, no
unseeded chance. A record passes its rooms from left to right: records, tags, state, models,
privacy, related, profiles, audiences; a room imports only from its left
(`tests/project/architecture.py`). Only modules named ``*_kernel`` are compiled. The public face
is `features.engine.Engine`."""
