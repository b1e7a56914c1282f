"""Brokers that tests use: a real Apache Kafka, one in memory, and the contract both keep."""
