"""Counts profiles in cells that identify nobody, released seldom and with noise.

Law of the folder: no cell under k households is published, nor a change or a difference that tells
one household; chance comes from outside.
"""
