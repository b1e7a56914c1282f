"""Tests of `streams.client`."""
