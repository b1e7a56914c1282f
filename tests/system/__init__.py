"""Promises of the whole: workers and engines from input topics to committed output."""
