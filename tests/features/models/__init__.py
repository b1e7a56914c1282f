"""Tests of `features.models`."""
