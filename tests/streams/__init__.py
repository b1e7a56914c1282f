"""Tests of `streams`, room by room."""
