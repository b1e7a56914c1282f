"""Talks to Kafka: clients by role, offsets, compacted topics, groups, producing, topics.

Law of the folder: a client is built here and nowhere else (Faust's own excepted), every wait has
a deadline, every failure is a `streams.errors.KafkaFailed`; nothing here knows what a profile is.
"""
