"""The I/O shell: Kafka, HTTP, files and the clock live here; thinking lives in `features`.

Law of the folder: modules import from their left only, in the order that `tests/architecture.py`
lists: settings, metrics, topics, then the worker's line from `inlet` to `worker`. Beside it stand
the commands and the Faust apps. `client` imports none of the heavy packages, so that a downstream
team can use it alone.
"""
