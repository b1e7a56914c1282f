"""Tests of `streams.commands`."""
