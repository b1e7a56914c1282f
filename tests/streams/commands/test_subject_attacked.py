"""Whatever an account holds, a member who asks learns nothing of anybody else in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple

import pytest

from features.config import Config
from features.privacy.spelling import are_one
from features.records.inputs import INPUTS
from features.tags import taxonomy
from features.tags.exact import TagEntry
from streams.apps.customer_sheet import as_html, sheet
from streams.client.words import LANGUAGES, wording
from streams.commands import subject
from streams.settings import Settings
from tests.support.feeding import DAY, Feed, Record, Stream, latest_of

KEY = "k" * 32
TREE = taxonomy.load()
#: Interests at the top of the tree, so that what one does is no part of what another does.
TOPICS = [
    node
    for node, above, denied in zip(TREE.ids, TREE.parent, TREE.sensitive, strict=True)
    if above < 0 and not denied
]
TABLE = {f"host:h{n}.example": TagEntry(((of, 1.0),), "test", 1.0) for n, of in enumerate(TOPICS)}
#: Interests of the household's own screen, which tell of nobody.
SHARED = (0, 1)


class Somebody(NamedTuple):
    """A person of a household: his id, other spellings of it, his devices, and his interests."""

    name: str
    spelled: tuple[str, ...]
    devices: tuple[str, ...]
    likes: tuple[int, ...]

    def markers(self) -> Iterator[str]:
        """What tells of him, in whichever answer it stands."""
        yield from (self.name, *self.spelled, *self.devices)
        for number in self.likes:
            yield TREE.names[TREE.index(TOPICS[number])]
            yield f'"{TOPICS[number]}"'


def _household(chance: Random) -> list[Somebody]:
    """Three to five people; all of their names are words that nothing else holds."""
    topics = chance.sample(range(len(SHARED), len(TOPICS)), 10)
    found = []
    for number in range(chance.randint(3, 5)):
        own = f"{chance.getrandbits(40):010x}"
        name = f"p{number}q-{own}"
        found.append(
            Somebody(
                name,
                tuple(chance.sample([name.upper(), name.replace("-", "_"), f"urn:{name}"], 1)),
                (f"dvq{number}-{own}", f"tbq{number}-{own}"),
                (topics[2 * number], topics[2 * number + 1]),
            )
        )
    return found


def _said(feed: Feed, chance: Random, of: Somebody, other: Somebody, day: float) -> list[Record]:
    """What is known of a member: all kinds of facts, behaviour and contacts."""
    name = chance.choice([of.name, *of.spelled])
    topic, host = (TOPICS[n := chance.choice(of.likes)], f"h{n}.example")
    his: dict[str, Any] = {"member_id": name}
    contact = f"cq{chance.getrandbits(40):010x}"
    ways: list[Callable[[], list[Record]]] = [
        lambda: [feed.visit("acc", day, host, device_id=of.devices[0], **his)],
        lambda: [feed.consent("acc", day, chance.choice(["granted", "withdrawn"]), **his,
                              purpose=chance.choice(["profiling", "offers", "audiences"]))],
        lambda: [feed.consent("acc", day, purpose="household-attribution", **his)],
        lambda: [feed.fact("acc", day, "declaration", interest=topic,
                           stance=chance.choice(["like", "dislike"]), **his)],
        lambda: [feed.fact("acc", day, "purchase", interest=topic, product=f"pq{contact}", **his)],
        lambda: [feed.fact("acc", day, "decision_against", interest=topic, **his)],
        lambda: [feed.fact("acc", day, "care_case", case_id=f"kq{contact}",
                           status=chance.choice(["opened", "closed"]), **his)],
        lambda: [feed.fact("acc", day, "registry", device_id=chance.choice(of.devices),
                           owner_member_id=name, adult=chance.choice([True, True, False]))],
        lambda: [  # what was his is another's
            feed.fact("acc", day, "registry", device_id=of.devices[1], owner_member_id=name),
            feed.fact("acc", day + 0.01, "registry", device_id=of.devices[1],
                      owner_member_id=other.name, adult=chance.choice([True, False])),
        ],
        lambda: [
            feed.record(INPUTS.outcomes, "acc", day, kind="contact", contact_id=contact,
                        channel=chance.choice(["mail", "app"]), interest=topic, **his),
            feed.record(INPUTS.outcomes, "acc", day + 0.01, kind="answer", contact_id=contact,
                        answer=chance.choice(["dismissed", "bought", "complained"]), **his),
        ],
        lambda: [feed.fact("acc", day, "erasure", **his)] if chance.random() < 0.3 else [],
    ]  # fmt: skip
    return chance.choice(ways)()


def _lived(chance: Random, people: list[Somebody]) -> Stream:
    held, feed = Stream(Config(erasure_key=KEY.encode(), lateness_ms=DAY), TABLE), Feed()
    held.feed(*(feed.consent("acc", 0, purpose=use) for use in ("profiling", "offers")))
    for day in range(1, 25):
        for somebody in people:
            other = chance.choice([each for each in people if each is not somebody])
            held.feed(*_said(feed, chance, somebody, other, day + chance.random() * 0.9))
            hosts = [f"h{n}.example" for n in somebody.likes]
            held.feed(feed.visit("acc", day + 0.9, chance.choice(hosts), member_id=somebody.name))
        held.feed(feed.visit("acc", day + 0.95, f"h{day % 2}.example", device_id="screen"))
    held.commit()
    return held


def _answers(of: str) -> Iterator[str]:
    """All that the command can print of somebody."""
    found, settings = subject.held(Settings(erasure_key=KEY), of), Settings()
    for language in LANGUAGES:
        said = wording(language)
        made = sheet(found, settings, said)
        yield json.dumps(made, ensure_ascii=False)
        yield as_html(made, said)


@pytest.mark.parametrize("number", range(12))
def test_no_word_of_another_is_in_a_members_answer(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = Random(f"household {number}")
    people = _household(chance)
    held = _lived(chance, people)

    monkeypatch.setattr(subject, "read_latest", latest_of(held))
    everything = subject.held(Settings(erasure_key=KEY), "acc")["facts"]["facts"]
    for somebody in people:
        hashes = [
            str(fact[name])
            for fact in everything
            for name in ("contact_id", "case_id", "product")
            if name in fact and not are_one(fact.get("member", "-"), somebody.name, "acc")
        ]
        theirs = {m for other in people if other is not somebody for m in other.markers()}
        handed_over = {
            fact["device_id"]
            for fact in everything
            if any(are_one(who, somebody.name, "acc")
                   for who in (fact.get("owner_member_id", "-"),
                               *fact.get("former_owners_are_children", ())))
        }  # fmt: skip
        for text in _answers(f"acc/{somebody.name}"):
            told = {word for word in {*theirs, *hashes} - handed_over if word in text}
            assert not told, f"{somebody.name} is told of {sorted(told)}"
    assert any(word in text for word in _own(people) for text in _answers("acc"))


def _own(people: list[Somebody]) -> Iterator[str]:
    return (word for somebody in people for word in somebody.markers())
