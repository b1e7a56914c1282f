"""Contents that nobody may learn anything of: counted for nobody, and never named."""

from __future__ import annotations

from features.config import Config
from features.tags.entry import CHILDREN, TagEntry
from features.tags.exact import exact_tags
from tests.support.feeding import DAY, Feed, Stream

SPORT = TagEntry((("483", 1.0),), "own:t", 1.0)


def stream(table: dict[str, TagEntry] | None = None) -> Stream:
    return Stream(Config(erasure_key=b"k" * 32, lateness_ms=DAY // 4), table)


def test_what_children_watch_on_the_shared_screen_raises_nothing() -> None:
    """An operator's catalogue may say more of a programme than that it is for children."""
    table = {
        "programme:peppa": TagEntry((("641", 1.0), ("640", 0.4)), "genre", 0.9, audience=CHILDREN),
        "programme:older record": TagEntry((("645", 1.0),), "genre:genres", 0.9),
        "channel:cartoon network": exact_tags()["channel:cartoon network"],
        "programme:match": SPORT,
    }
    held, feed = stream(table), Feed()
    held.feed(feed.consent("acc", 0), feed.fact("acc", 0, "registry", device_id="box", adult=True))
    for day in range(1, 30):
        for hour, content in ((7, "peppa"), (8, "older record"), (17, "unheard")):
            outcome = held.feed(
                feed.watch(
                    "acc", day + hour / 24, content, device_id="box", channel="Cartoon Network"
                )
            )
            assert outcome == ["infrastructure"]
        held.feed(feed.watch("acc", day + 0.8, "match"))
    held.commit()
    assert [item["id"] for item in held.profile("acc")["interests"]] == ["483"]


def test_whoever_looks_at_a_channel_for_children_is_one() -> None:
    """A film that anybody may like, a match, in any order in which contents become known."""
    film = TagEntry((("641", 1.0),), "genre", 0.9)
    kids = {name: exact_tags()[f"channel:{name}"] for name in ("cartoon network", "super rtl kids")}
    table = {"programme:film": film, "programme:match": SPORT, "channel:sport": SPORT}
    held, feed = stream(table | {f"channel:{name}": entry for name, entry in kids.items()}), Feed()
    held.feed(feed.consent("acc", 0))
    for day in range(1, 30):
        said = [
            held.feed(feed.watch("acc", day + hour / 24, content, channel=channel))[0]
            for hour, content, channel in (
                (7, "film", "Sport"),
                (8, "film", "Cartoon Network"),
                (9, "match", "Super RTL Kids"),
                (10, "match", "unheard"),
            )
        ]
        assert said == ["counted", "infrastructure", "infrastructure", "counted"]
    held.feed(feed.use("acc", 30, "com.unheard", section="Kids"))
    held.commit()
    film_days = {item["id"]: item for item in held.profile("acc")["interests"]}["641"]
    assert set(film_days["dayparts"]) == {"weekday-morning", "weekend-morning"}


def test_sensitive_contents_that_no_list_knows_are_never_untagged() -> None:
    held, feed = stream(dict(exact_tags())), Feed()
    held.feed(feed.consent("acc", 0))
    assert held.feed(
        feed.visit("acc", 1, "teen-pregnancy-help.example"),
        feed.visit("acc", 1, "health.usnews.com"),
        feed.use("acc", 1, "com.unheard.periodtracker"),
        feed.watch("acc", 1, "Living with HIV"),
        feed.visit("acc", 1, "unheard.example"),
    ) == ["infrastructure"] * 4 + ["untagged"]
