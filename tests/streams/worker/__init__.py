"""Tests of `streams.worker`."""
