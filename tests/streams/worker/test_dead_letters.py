"""What is kept of a refused record: all of it, what fits, or that it was there."""

from __future__ import annotations

import json

import pytest

from features.records.dead_letter import DeadLetter
from features.vocabulary import Refusal
from streams.contract.headers import dead_letter_headers, parse_dead_letter
from streams.contract.topics import DEAD_LETTERS, PROFILES
from streams.kafka.limits import FRAME, size
from streams.worker.dead_letters import cut_to_fit, keyed_digest, tells_who, withheld
from tests.broker.memory_broker import Entry, MemoryBroker
from tests.simulation import inputs
from tests.support.small_worker import NETWORK_TOPIC, committed, event, fed, put, start, steps

pytestmark = pytest.mark.usefixtures("calm")

SECRET = b"s"


def letter(value: bytes, key: bytes = b"acc-1") -> DeadLetter:
    return DeadLetter(Refusal.TOO_LARGE, "", "x" * 700, "network-usage", 3, 12, key, value)


def written(broker: MemoryBroker) -> list[Entry]:
    return [e for txn in broker.commits for spot, e in txn.written if spot[0] == DEAD_LETTERS]


def test_what_fits_is_whole() -> None:
    most = size(b"acc-1", b"v" * 999, dead_letter_headers(letter(b"")))
    assert cut_to_fit(letter(b"v" * 999), most, SECRET) == letter(b"v" * 999)


def test_what_does_not_fit_is_cut_and_says_what_it_was() -> None:
    most = size(b"acc-1", b"v" * 999, dead_letter_headers(letter(b"")))
    whole = bytes(range(200)) * 5
    found = cut_to_fit(letter(whole), most, SECRET)
    assert found.value and whole.startswith(found.value) and len(found.value) > 800
    assert (found.length, found.digest) == (1_000, keyed_digest(whole, SECRET))
    assert size(found.key, found.value, dead_letter_headers(found)) == most
    back = parse_dead_letter(dead_letter_headers(found))
    assert (back.length, back.digest) == (found.length, found.digest)


def test_an_outsize_key_is_cut_as_well() -> None:
    found = cut_to_fit(letter(b"v", b"k" * 5_000), 4_000, SECRET)
    assert found.key == b"k" * 1_024 and found.value == b"v" and found.length == 1


def test_what_is_withheld_has_neither_key_nor_value() -> None:
    found = withheld(letter(b"+49 170 1234567", b"+491701234567"), SECRET)
    assert found.value is None and found.key == keyed_digest(b"+491701234567", SECRET).encode()
    assert (found.length, found.digest) == (15, keyed_digest(b"+49 170 1234567", SECRET))
    assert withheld(found, SECRET) == found
    cut = cut_to_fit(letter(b"v" * 5_000), 2_000, SECRET)
    assert withheld(cut, SECRET).digest == keyed_digest(b"v" * 5_000, SECRET)


def test_refusals_that_tell_who_somebody_is() -> None:
    assert tells_who(DeadLetter(Refusal.IDENTIFIER, "account_id", ""))
    assert tells_who(DeadLetter(Refusal.CHARSET, "member_id", ""))
    assert not tells_who(DeadLetter(Refusal.CHARSET, "host", ""))


def test_bytes_are_kept_of_accounts_that_may_be_held_alone() -> None:
    broker = fed(1)
    for account in ("a", "b", ""):
        put(broker, NETWORK_TOPIC, account, b"{")
    body = json.loads(event("a", inputs.START_MS + 5)) | {"member_id": "+491701234567"}
    put(broker, NETWORK_TOPIC, "a", json.dumps(body).encode())
    steps(10, start(broker))
    kept = [(e.key, e.value) for e in written(broker)]
    assert kept == [
        (b"a", b"{"),
        (keyed_digest(b"b", b"").encode(), None),
        (keyed_digest(b"", b"").encode(), None),
        (keyed_digest(b"a", b"").encode(), None),
    ]


def test_a_record_that_no_dead_letter_takes_is_cut_and_everything_goes_on() -> None:
    broker = fed(1)
    broker.max_message_bytes = {DEAD_LETTERS: 200_000}
    put(broker, NETWORK_TOPIC, "a", b"A" * 4_000_000)
    put(broker, NETWORK_TOPIC, "a", event("a", inputs.START_MS + 10**6))
    steps(10, start(broker))
    assert committed(broker, NETWORK_TOPIC) == 3
    (found,) = written(broker)
    assert 199_000 - FRAME < len(found.value or b"") < 200_000
    assert parse_dead_letter(found.headers).length == 4_000_000


def test_a_limit_that_was_lowered_is_known_to_the_next_producer() -> None:
    broker = fed(1)
    worker = start(broker)
    steps(10, worker)
    broker.max_message_bytes = {DEAD_LETTERS: 150_000}
    put(broker, NETWORK_TOPIC, "a", b"A" * 400_000)
    steps(30, worker)
    assert committed(broker, NETWORK_TOPIC) == 2
    assert len(written(broker)[0].value or b"") < 150_000


def test_a_record_larger_than_its_topic_takes_gives_up_its_partition_and_is_named() -> None:
    broker = fed(3)
    broker.max_message_bytes = {PROFILES: 1_600}
    worker = start(broker)
    steps(20, worker)
    ready, said = worker._membership.state
    assert not ready and committed(broker, NETWORK_TOPIC) == 0
    assert f"larger than max.message.bytes = 1600 of {PROFILES}" in said
    assert f"{NETWORK_TOPIC}@3" in said
