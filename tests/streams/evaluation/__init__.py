"""Tests of `streams.evaluation`."""
