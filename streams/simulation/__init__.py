"""A population with known tastes: what the simulator knows that the pipeline has to find out.

contents (what there is to like) -> people (who likes what) -> days (what they do) -> records.
Pure computation: a seed and a calendar in, records out; no clock, no Kafka. Numbers are drawn a
day at a time in numpy and become dicts one by one, so memory depends on the number of households
and not on the number of days.
"""
