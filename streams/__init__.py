"""The I/O shell: Kafka, HTTP, files and the clock live here; thinking lives in `features`.

Law of the folder: modules import from their left only, in the order
``settings, metrics, topics, codecs, inlet, outlet, restore, worker, __main__``;
`client` imports none of the heavy packages, so that a downstream team can use it alone.
"""
