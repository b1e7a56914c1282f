"""Contains the bundled data files; README.md tells their origin and licence.

Law of the folder: data and its README, no code."""
