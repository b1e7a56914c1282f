"""Learns which interests go together, from the days that subjects were active on.

Law of the folder: shown, never scored; nothing sensitive and nothing that one tag raises by
itself."""
