"""Real behaviour through the whole stream: all of it accounted for, a profile for each user.

The sets stand beside the checkout (``../shared/data``, or ``REAL_DATA``); most may not be bundled.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

import orjson
import pytest

from features.config import Config
from features.records import decoder
from features.records.fields import Malformed
from features.state.contents import Contents
from features.state.rows_kernel import engagement
from features.tags import taxonomy
from features.tags.exact import encode, exact_tags, tag_catalogue
from streams.client.reader import ProfileReader
from streams.commands import accounting
from streams.commands.replay import source
from streams.contract import topics
from streams.contract.record import Record
from streams.kafka import clients
from streams.kafka.producing import with_consent
from streams.kafka.topic_plan import create_topics
from streams.settings import Settings
from tests.conftest import Names
from tests.support.data_sets import FILES
from tests.support.needs import need_data
from tests.support.paths import DATA_SETS
from tests.support.worker_process import WorkerProcess, feed, short_timings, wait_for_end

pytestmark = pytest.mark.kafka

LIMIT = 3_000  # records of a set; the whole sets go through by `interest-streams replay`
_WEAK = 1e-4  # engagement below this counts for nothing


def _tagged_subjects(records: list[Record], contents: Contents) -> set[str]:
    """Whom a reader of the raw records would expect to have a profile."""
    found = set()
    for record in records:
        if record.topic == topics.FACTS or record.topic not in topics.INPUTS:
            continue
        kind = topics.INPUTS.index(record.topic)
        try:
            event = decoder.decode(
                kind, orjson.dumps(record.value), record.key.encode(), decoder.Limits()
            )
        except Malformed:
            continue
        assert isinstance(event, decoder.Event)
        tags = contents.slot_tags(decoder.content_key(event.prefix, event.content)) or (
            event.prefix2 and contents.slot_tags(decoder.content_key(event.prefix2, event.content2))
        )
        given = event.bytes, event.duration_ms, event.content_ms
        if tags and engagement(kind, event.mode, *given, Config().clock()) >= _WEAK:
            found.add(
                f"{event.account_id}/{event.member_id}" if event.member_id else event.account_id
            )
    return found


def _publish_catalogue(records: list[Record], settings: Settings, contents: Contents) -> None:
    """Tag what the set says of its contents, as the catalogue app does."""
    entries = {}
    for record in records:
        if record.topic == topics.CATALOGUE and isinstance(record.value, dict):
            entry = tag_catalogue(record.value)
            if entry is not None:
                entries[record.key] = entry
    feed(
        settings,
        (Record(0, topics.TAGS, key, encode(key, entry)) for key, entry in entries.items()),
    )
    contents.update(entries)


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_real_set_is_accounted_for_and_gives_profiles(
    name: str, kafka: str, names: Names, tmp_path: Path
) -> None:
    path = need_data(DATA_SETS / FILES[name])
    # months pass in some sets: nothing may fade or be left out, so that behaviour has a profile
    settings = short_timings(kafka, names.prefix, row_epsilon=1e-12, profile_common=True)
    create_topics(clients.admin(settings), settings)
    contents = Contents(taxonomy.load(), exact_tags())
    records = list(islice(with_consent(source(name, path, Counter())), LIMIT))
    _publish_catalogue(records, settings, contents)
    produced = feed(settings, (record for record in records if record.topic in topics.INPUTS))
    with WorkerProcess(settings, tmp_path / "worker.log") as worker:
        wait_for_end(settings, worker)
        assert worker.terminate() == 0, worker.text()
    account = accounting.read(settings)
    assert account.balanced
    assert sum(account.outcomes.values()) == produced.total
    with ProfileReader(settings.bootstrap_servers, settings.topic(topics.PROFILES)) as reader:
        profiles = reader.bootstrap(60)
    assert set(profiles) == _tagged_subjects(records, contents)
    assert all(profile.interests for profile in profiles.values())
