"""Tests of `streams.contract`."""
