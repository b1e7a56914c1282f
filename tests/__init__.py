"""Tests: slow twins of fast code, laws, and real brokers.

Law of the folder: nothing sleeps for luck (wait for a condition, under a deadline), every random
schedule comes from the fixture `seed`, every broker name from the fixture `names`, and a test
that needs something missing skips with what to install, which CI counts as a failure.
"""
