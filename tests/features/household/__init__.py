"""Tests of the attribution of a shared screen to the people who share it."""
