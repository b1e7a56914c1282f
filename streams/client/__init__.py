"""The typed reader of interest profiles, for the teams that use them.

Law of the folder: loads the standard library, confluent-kafka and orjson, and nothing else."""
