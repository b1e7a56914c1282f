"""Reads interest profiles, typed, for the teams that use them.

    with ProfileReader("kafka:9092") as reader:
        reader.bootstrap()
        print(reader.profiles["acc-1/m-2"].interests[0].name)
        for update in reader.follow():
            ...

Law of the folder: loads the standard library, confluent-kafka, orjson and zstd, and nothing
else; what is exported here is public.
"""

from streams.client.asynchronous import AsyncProfileReader
from streams.client.held import Profiles, Stored
from streams.client.parts import (
    Context,
    Evidence,
    Interest,
    Moment,
    Next,
    Permission,
    Reason,
    Share,
    Suppression,
)
from streams.client.profile import Profile, ProfileError
from streams.client.reader import Forgotten, ProfileReader, ReaderError, ReaderLag
from streams.kafka.partitioners import subject_partition

__all__ = [
    "AsyncProfileReader",
    "Context",
    "Evidence",
    "Forgotten",
    "Interest",
    "Moment",
    "Next",
    "ReaderLag",
    "Permission",
    "Profile",
    "ProfileError",
    "ProfileReader",
    "Profiles",
    "ReaderError",
    "Reason",
    "Share",
    "Stored",
    "Suppression",
    "subject_partition",
]
