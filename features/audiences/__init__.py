"""Profiles counted into cells that identify nobody, and grouped by what members do.

Law of the folder: no cell under k households is said, nor a change that tells one household.
"""
