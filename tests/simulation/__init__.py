"""Seeded schedules of faults over a whole deployment in one thread and virtual time."""
