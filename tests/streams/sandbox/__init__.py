"""Tests of `streams.sandbox`."""
