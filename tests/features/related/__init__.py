"""Tests of `features.related`."""
