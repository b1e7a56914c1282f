"""Tests of `features.tags`."""
