"""Simulates a population with known tastes, and embeds a broker to show it on.

contents (what there is to like) -> people (who likes what) -> days (what they do) -> records.
Numbers are drawn a day at a time in numpy and become dicts one by one, so memory depends on the
number of households and not on the number of days.

Law of the folder: a seed and a calendar in, records and the truth about them out; nothing here
is needed by a worker. Public face: `simulator.Simulation`, `embedded_broker.EmbeddedBroker`.
"""
