"""Tests of `features.records`."""
