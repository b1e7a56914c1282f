"""The game day: a stack as it is deployed, what goes wrong with it in a year, and its alerts.

Law of the folder: a step strikes a live stack, says which alerts must come and that no other page
does, mends what it broke, and sees the alerts go. The rules are those that are shipped, with time
running faster (`rules`). ``python -m tests.gameday --help``.
"""
