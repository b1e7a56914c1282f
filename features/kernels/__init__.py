"""Compiled inner loops: the only package of the project that imports numba."""
