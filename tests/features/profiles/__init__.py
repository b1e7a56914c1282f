"""Tests of `features.profiles`."""
