"""Writes profiles as JSON: ranked, worded and written in one pass over the rows.

Law of the folder: reads state and models and changes neither. Public face:
`writer.ProfileWriter`."""
