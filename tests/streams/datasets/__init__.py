"""Tests of `streams.datasets`."""
