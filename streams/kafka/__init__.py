"""Where Kafka is asked: compacted topics, consumer groups, producing, the plan of topics.

Law of the folder: every wait has a deadline; nothing here knows what a profile is."""
