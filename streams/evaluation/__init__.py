"""Measures whether the scores are honest: the production code on real days, against baselines.

Law of the folder: never imported by the worker; a figure is computed from what the engine
answered on the morning."""
