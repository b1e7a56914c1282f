"""Bundled data files; README.md tells their origin and licence."""
