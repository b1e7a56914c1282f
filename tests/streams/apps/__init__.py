"""Tests of `streams.apps`."""
