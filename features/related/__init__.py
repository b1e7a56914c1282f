"""Interests that go together, counted over the days that subjects were active on.

Law of the folder: shown, never scored; nothing sensitive and nothing that one tag raises by
itself."""
