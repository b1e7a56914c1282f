"""Serves look-ups of profiles over HTTP, and a page on them.

Law of the folder: holds what a `streams.client.ProfileReader` holds and nothing else, so that what
is erased upstream is gone here with its tombstone; names no subject in a log. Public face:
`deployment.serving`.
"""
