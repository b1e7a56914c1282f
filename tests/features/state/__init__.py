"""Tests of `features.state`."""
