"""Tests of `features.audiences`."""
