"""Defines what is published for others: topics, headers, schemas and their documents.

Law of the folder: pure; knows no client, no setting and no clock."""
