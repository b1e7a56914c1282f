"""Children, devices, cases and erasures of one person, and what a fact costs in a large account."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from features.config import Config
from features.records.concealed import keyed_mark
from features.state import changelog_keys as keys
from features.state.changelog_keys import META
from features.tags import taxonomy
from features.tags.exact import TagEntry
from tests.support.feeding import DAY, Feed, Record, Stream, stance
from tests.support.held import traces, whole

TABLE = {
    "host:sport.example": TagEntry((("483", 1.0),), "test", 1.0),
    "host:phones.example": TagEntry((("635", 1.0),), "test", 1.0),
}
KEY = b"k" * 32
GOLDEN = Path(__file__).parents[2] / "golden" / "changelog_format_1.json"
TREE = taxonomy.load()


def _stream(**fields: Any) -> Stream:
    return Stream(Config(erasure_key=KEY, lateness_ms=DAY // 4, **fields), TABLE)


def _registry(feed: Feed, day: float, device: str, **fields: Any) -> Record:
    return feed.fact("acc", day, "registry", device_id=device, **fields)


def _family() -> tuple[Stream, Feed]:
    """Who consents, with a child who has a tablet."""
    held, feed = _stream(), Feed()
    child = _registry(feed, 0, "dev-kid", owner_member_id="kid", adult=False)
    held.feed(feed.consent("acc", 0), child)
    return held, feed


# -- children


@pytest.mark.parametrize("who", [{}, {"member_id": "mum"}, {"member_id": "kid"}])
@pytest.mark.parametrize("restart", [False, True])
def test_an_event_of_a_childs_device_is_a_childs(who: dict[str, str], restart: bool) -> None:
    """Whatever its member field says, and however the device is spelled."""
    held, feed = _family()
    if restart:
        held.commit()
        held.restart()
    for device in ("dev-kid", "DEV-KID", "dev_kid"):
        visit = feed.visit("acc", 1, "sport.example", device_id=device, **who)
        assert held.feed(visit) == ["suppressed"]
    tv = feed.visit("acc", 1, "sport.example", device_id="dev-mum", member_id="mum")
    assert held.feed(tv) == ["counted"]


def test_who_was_met_before_he_was_said_to_be_a_child_is_asked_about_anew() -> None:
    """However he and the device were spelled when they came first."""
    held, feed = _stream(), Feed()
    other = _registry(feed, 0, "dev-son", owner_member_id="son", adult=False)
    held.feed(feed.consent("acc", 0), other)  # since then persons and devices are asked about
    seen = [{"device_id": "DEV_KID"}, {"device_id": "dev-mum", "member_id": "K-I-D"}]
    for who in seen:
        assert held.feed(feed.visit("acc", 1, "sport.example", **who)) == ["counted"]
    held.feed(_registry(feed, 1, "dev-kid", owner_member_id="kid", adult=False))
    for who in seen:
        assert held.feed(feed.visit("acc", 2, "sport.example", **who)) == ["suppressed"]


@pytest.mark.parametrize("member", ["kid", "KID", "k-i-d", "Kid"])
@pytest.mark.parametrize(
    "later",
    [
        {"owner_member_id": "kid"},
        {"owner_member_id": "mum"},
        {"owner_member_id": "mum", "adult": True},
        {"owner_member_id": "KID"},
        {},
    ],
)
@pytest.mark.parametrize("restart", [False, True])
def test_an_entry_that_says_nothing_of_him_makes_no_adult_of_a_child(
    member: str, later: dict[str, Any], restart: bool
) -> None:
    held, feed = _family()
    held.feed(_registry(feed, 1, "dev-kid", **later))
    if restart:
        held.commit()
        held.restart()
    visit = feed.visit("acc", 2, "sport.example", member_id=member)
    assert held.feed(visit) == ["suppressed"]


def test_only_an_entry_that_says_so_makes_an_adult_of_a_child() -> None:
    held, feed = _family()
    held.feed(_registry(feed, 1, "dev-kid", owner_member_id="kid", adult=True))
    visit = feed.visit("acc", 2, "sport.example", member_id="kid", device_id="dev-kid")
    assert held.feed(visit) == ["counted"]


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("late", [False, True])
def test_a_grant_after_an_erasure_makes_no_adult_of_a_child(restart: bool, late: bool) -> None:
    held, feed = _family() if not late else (_stream(), Feed())
    if late:
        held.feed(feed.consent("acc", 0))
    held.feed(feed.fact("acc", 2, "erasure"))
    if late:  # an entry of before comes after
        held.feed(_registry(feed, 1, "dev-kid", owner_member_id="kid", adult=False))
    held.commit()
    assert not traces(held, "acc")
    held.feed(feed.consent("acc", 3))
    if restart:
        held.commit()
        held.restart()
    assert held.feed(
        feed.visit("acc", 4, "sport.example", member_id="Kid"),
        feed.visit("acc", 4, "sport.example", device_id="dev-kid"),
        feed.visit("acc", 4, "sport.example", member_id="mum"),
    ) == ["suppressed", "suppressed", "counted"]
    held.feed(_registry(feed, 5, "dev-new", owner_member_id="Kid", adult=True))
    assert held.feed(feed.visit("acc", 6, "sport.example", member_id="Kid")) == ["counted"]


def test_all_devices_of_a_child_are_a_childs() -> None:
    """Those too that were said to be an adult's before he was known to be a child."""
    held, feed = _stream(), Feed()
    held.feed(feed.consent("acc", 0))
    held.feed(_registry(feed, 1, "dev-0", owner_member_id="sister", adult=False))
    held.feed(_registry(feed, 1, "dev-1", owner_member_id="kid", adult=True))
    visit, again = (
        feed.visit("acc", day, "sport.example", device_id="dev-1") for day in (1.1, 2.1)
    )
    assert held.feed(visit) == ["counted"]
    held.feed(_registry(feed, 2, "dev-2", owner_member_id="kid", adult=False))
    assert held.feed(again) == ["suppressed"]
    held.commit()
    held.restart()
    assert held.feed(feed.visit("acc", 2.2, "sport.example", device_id="dev-1")) == ["suppressed"]


def test_nothing_a_child_said_is_kept() -> None:
    held, feed = _family()
    like = {"interest": "483", "stance": "like", "member_id": "kid"}
    assert held.feed(feed.fact("acc", 1, "declaration", **like)) == ["suppressed"]
    held.feed(feed.fact("acc", 1, "declaration", **(like | {"member_id": "teen"})))
    held.feed(_registry(feed, 2, "dev-2", owner_member_id="teen", adult=False))
    held.commit()
    assert b"i/acc/teen" not in held.state


# -- what protects stays


def test_a_child_and_an_open_case_outlive_all_that_comes_later() -> None:
    held, feed = _family()
    held.feed(feed.fact("acc", 0.1, "care_case", case_id="c1", status="opened"))
    known = [i for i in TREE.ids if not TREE.is_sensitive(i)]
    held.feed(*(feed.fact("acc", 1, "purchase", interest=i) for i in known[:400]))
    held.feed(
        *(feed.fact("acc", 1, "care_case", case_id=f"d{n}", status="closed") for n in range(300))
    )
    entries = [_registry(feed, 1, f"dev-{n}") for n in range(1100)]
    outcomes = held.feed(*entries)
    assert outcomes == ["fact"] * 1023 + ["over_limit"] * 77
    last = _registry(feed, 1, "dev-last", owner_member_id="kid-2", adult=False)
    assert held.feed(last) == ["fact"]
    changes = held.commit()
    assert changes.evicted == {"purchase": 400 - 256, "care_case": 301 - 256}
    held.restart()
    for kid in ("kid", "kid-2"):
        visit = feed.visit("acc", 2, "sport.example", member_id=kid)
        assert held.feed(visit) == ["suppressed"]
    held.feed(*(feed.visit("acc", day, "sport.example") for day in range(2, 9)))
    held.commit()
    assert held.profile("acc")["suppressions"][0]["reason"] == "care_case"


def test_a_refusal_is_taken_of_any_number_of_members() -> None:
    held, feed = _stream(members_per_account=2), Feed()
    held.feed(feed.consent("acc", 0))
    words = [feed.consent("acc", 1, "withdrawn", member_id=f"m{n}") for n in range(4)]
    assert held.feed(*words) == ["fact"] * 4
    assert held.feed(feed.consent("acc", 1, member_id="m9")) == ["over_limit"]
    like = {"interest": "483", "stance": "like", "member_id": "m9"}
    assert held.feed(feed.fact("acc", 2, "declaration", **like)) == ["over_limit"]
    dislike = like | {"stance": "dislike"}
    assert held.feed(feed.fact("acc", 2, "declaration", **dislike)) == ["fact"]


# -- purposes


@pytest.mark.parametrize("restart", [False, True])
def test_a_member_who_refuses_a_use_is_left_out_of_it(restart: bool) -> None:
    held, feed = _stream(), Feed()
    held.feed(
        feed.consent("acc", 0),
        feed.consent("acc", 0, "denied", purpose="audiences", member_id="m1"),
        feed.consent("acc", 0, "denied", purpose="dpv:PersonalisedAdvertising", member_id="m2"),
    )
    if restart:
        held.commit()
        held.restart()
    for day in range(1, 6):
        who = [{}, {"member_id": "m1"}, {"member_id": "m2"}]
        held.feed(*(feed.visit("acc", day, "sport.example", **member) for member in who))
    held.commit()
    scopes = {
        name: {item["scope"] for item in held.profile(name)["suppressions"]}
        for name in ("acc", "acc/m1", "acc/m2")
    }
    assert scopes == {"acc": set(), "acc/m1": {"audiences"}, "acc/m2": {"all"}}
    assert stance(held.profile("acc/m2"), "483") == "hold"


# -- erasure of one person


@pytest.mark.parametrize("restart", [False, True])
def test_erasing_a_member_erases_that_member_alone(restart: bool) -> None:
    held, feed = _stream(), Feed()
    held.feed(
        feed.consent("acc", 0),
        feed.consent("acc", 0, member_id="m-gone"),
        feed.fact("acc", 0, "declaration", interest="483", stance="like", member_id="m-gone"),
        feed.fact("acc", 0, "care_case", case_id="c", status="opened", member_id="m-gone"),
        _registry(feed, 0, "dev", owner_member_id="m-gone"),
    )
    for day in range(1, 6):
        who = [{}, {"member_id": "m-gone"}, {"member_id": "m2"}]
        held.feed(*(feed.visit("acc", day, "sport.example", **member) for member in who))
    held.commit()
    erasure = feed.fact("acc", 5.5, "erasure", member_id="m-gone")
    held.feed(erasure, erasure)
    held.commit()
    assert sorted(held.profiles) == [b"acc", b"acc/m2"]
    for topic in (held.state, held.profiles):
        assert not [k for k, v in topic.items() if b"m-gone" in k or b"m-gone" in v]
    mark, receipt = held.receipts[-1]
    assert len(held.receipts) == 1 and mark.decode() == keyed_mark(KEY, "acc/mgone", "erasure")
    assert json.loads(receipt)["scope"] == "member" and json.loads(receipt)["profiles"] == 1
    if restart:
        held.restart()
    visits = [
        feed.visit("acc", day, "sport.example", member_id=who)
        for day in (5.4, 6)
        for who in ("m-gone", "m2")
    ]
    assert held.feed(*visits) == ["suppressed", "counted"] * 2
    held.feed(erasure, feed.consent("acc", 7, member_id="m-gone"), erasure)
    assert held.feed(
        feed.visit("acc", 6.9, "sport.example", member_id="m-gone"),
        feed.visit("acc", 7.1, "sport.example", member_id="m-gone"),
    ) == ["suppressed", "counted"]


@pytest.mark.parametrize("who", [{}, {"member_id": "m1"}])
def test_what_is_stamped_ahead_does_not_survive_an_erasure(who: dict[str, str]) -> None:
    held, feed = _stream(), Feed()
    held.feed(
        feed.consent("acc", 0),
        feed.consent("acc", 3.1, **who),
        feed.visit("acc", 3.2, "sport.example", **who),
        feed.fact("acc", 3.1, "declaration", interest="483", stance="like", **who),
        feed.fact("acc", 3, "erasure", **who),
        feed.visit("acc", 3.3, "sport.example", **who),
    )
    held.commit()
    name = "/".join(["acc", *who.values()]).encode()
    assert not [k for k in (*held.state, *held.profiles) if k.endswith(name) and k != b"c/acc"]


def test_an_erasure_writes_tombstones_for_keys_that_nobody_knows() -> None:
    held, feed = _stream(), Feed()
    held.feed(feed.fact("acc", 1, "erasure"), feed.fact("acc", 1, "erasure", member_id="m1"))
    changes = held.commit()
    assert {(key, value) for key, value, _, _ in changes.profiles} == {
        (b"acc", None),
        (b"acc/m1", None),
    }


# -- clocks


@pytest.mark.parametrize("behind", [0, 1, 25, 27, 30 * 24, 8000 * 24])
@pytest.mark.parametrize("who", [{}, {"member_id": "m1"}])
def test_a_refusal_by_a_slow_clock_answers_the_grant_before_it(
    behind: int, who: dict[str, str]
) -> None:
    """By hours or by years, in seconds or in local time: it acts at once, until he grants again."""
    held, feed = _stream(), Feed()
    held.feed(feed.consent("acc", 0))
    withdrawal = feed.consent("acc", 5 - behind / 24, "withdrawn", **who)
    held.feed(feed.consent("acc", 5, **who), withdrawal)
    visit = feed.visit("acc", 5.1, "sport.example", member_id="m1")
    assert held.feed(visit) == ["suppressed" if who else "no_consent"]
    again = feed.consent("acc", 5.2, **who)
    assert held.feed(again, withdrawal) == ["fact", "fact"], "it came again: that is no news"
    assert held.feed(feed.visit("acc", 5.3, "sport.example", member_id="m1")) == ["counted"]


def test_a_history_is_read_in_the_order_of_the_log() -> None:
    """A refusal that comes late can't be told from one by a slow clock: it takes a new grant."""
    held, feed = _stream(), Feed()
    held.feed(feed.consent("acc", 5), feed.consent("acc", 2, "withdrawn"))
    assert held.feed(feed.visit("acc", 5.1, "sport.example")) == ["no_consent"]
    held.feed(feed.consent("acc", 5.2))
    assert held.feed(feed.visit("acc", 5.3, "sport.example")) == ["counted"]


# -- costs


def test_a_fact_writes_as_much_in_an_account_of_thousands() -> None:
    written = {}
    for members in (1, 3000):
        held, feed = _stream(), Feed()
        held.feed(feed.consent("acc", 0))
        held.feed(*(feed.consent("acc", 1, "denied", member_id=f"m{n:05}") for n in range(members)))
        held.feed(*(_registry(feed, 1, f"dev-{n}") for n in range(min(members, 1000))))
        held.commit()
        feed.count = 100_000
        held.feed(
            feed.consent("acc", 2, "granted", member_id="m00000", purpose="offers"),
            _registry(feed, 2, "dev-0", owner_member_id="m00000", adult=True),
            feed.fact("acc", 2, "care_case", case_id="c", status="opened"),
            feed.fact("acc", 2, "purchase", interest="635", member_id="zz"),
        )
        state = {k: v for k, v in held.commit().state.items() if k != META}
        written[members] = {key: len(value or b"") for key, value in state.items()}
    assert written[1] == written[3000] and len(written[1]) == 4


# -- format 1


def test_a_changelog_of_format_1_is_read_and_written_anew() -> None:
    golden = json.loads(GOLDEN.read_text())
    held = _stream()
    held.state = {k.encode(): base64.b64decode(v) for k, v in golden["state"].items()}
    held.restart()
    before = whole(held.engine)
    assert json.loads(held.state[META])["format"] == 1
    for key, profile in golden["profiles"].items():
        now = json.loads(held.engine.profile(key.encode()) or b"{}")
        named = [
            {name: value for name, value in item.items() if name not in ("name", "since")}
            for item in now["suppressions"]
        ]
        said = [item for item in named if item["scope"] != "audiences"]
        assert said == profile["suppressions"], key
        assert (said != named) == (key == "acc-kin/m-1"), "it refused before, too"
        shown = {item["id"] for item in now["interests"]}
        assert shown and shown <= {item["id"] for item in profile["interests"]}
    feed = Feed()
    feed.count = 1000
    changes = held.commit()
    assert json.loads(held.state[META])["format"] == 2
    gone = [key for key, value in changes.state.items() if value is None]
    assert [key for key in gone if key.startswith(b"f/")] == [
        keys.facts(b"acc-kin"),
        keys.facts(b"acc-plain"),
        keys.facts(b"acc-refused"),
    ]
    held.restart()
    assert whole(held.engine) == before
    assert held.feed(
        feed.visit("acc-kin", 6, "sport.example", member_id="kid"),
        feed.visit("acc-kin", 6, "sport.example", member_id="m-no"),
        feed.visit("acc-kin", 6, "sport.example", device_id="dev-kid"),
        feed.visit("acc-kin", 6, "sport.example", member_id="m-1"),
        feed.visit("acc-refused", 6, "sport.example"),
        feed.consent("acc-erased", 5),
        feed.visit("acc-erased", 6, "sport.example"),
        feed.visit("acc-plain", 399, "sport.example"),
    ) == ["suppressed"] * 3 + ["counted", "no_consent", "fact", "no_consent", "counted"]
