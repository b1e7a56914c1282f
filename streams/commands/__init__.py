"""Subcommands of ``interest-streams``, one module each.

Law of the folder: imported by the command line alone, and only the chosen one is loaded."""
