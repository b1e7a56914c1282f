"""Tests of `features.moments`."""
