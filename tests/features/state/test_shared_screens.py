"""What a shared screen shows, given to the members of the home who agreed to it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.privacy.person import ATTRIBUTION
from features.state.changelog_keys import SCREENS
from features.tags.taxonomy import load
from tests.oracle.arithmetic import engagement
from tests.oracle.household import Homes, Watched
from tests.oracle.partition import Partition
from tests.oracle.views import Run, run
from tests.support import generators as gen
from tests.support import shared_home as world
from tests.support.generators import DAY_MS, FIRST_DAY, HOUR_MS, START, Record, config
from tests.support.reference import canonical, without_versions
from tests.support.shared_home import HOCKEY, RUGBY, attributed, has_line

_ON = config(attribution=True, watermark_accounts=1)
_DAY = FIRST_DAY + 16
_KEYS = ("acc-0/m-1", "acc-0/m-2")


def _shown(host: str, day: int = 12, hour: int = 20, number: int = 500) -> Record:
    return world.seen(number, START + day * DAY_MS + hour * HOUR_MS, host)


def _story(*more: Record, agree: tuple[str, ...] = ("m-1", "m-2"), **changed: Any) -> Run:
    records = [*world.home(agree=agree), *world.own_days(12), *more]
    return run(config(attribution=True, watermark_accounts=1, **changed), [records])


_BOTH = (_shown("rugby.example"), _shown("hockey.example", hour=23, number=501))


def _aside(done: Run) -> set[bytes]:
    return {key for key in done.changelog if key.startswith(b"h/")}


def test_each_member_gets_what_is_his_and_the_household_keeps_all() -> None:
    """Taste tells them apart; days, presence and time of a member are only of his own events."""
    done, plain = _story(*_BOTH), _story()
    mass = [attributed(done.engine, key, _DAY) for key in _KEYS]
    assert mass[0].keys() == {RUGBY, *mass[0]} - {HOCKEY}
    assert mass[0][RUGBY] > 0.2 and mass[1][HOCKEY] > 0.2
    assert HOCKEY not in mass[0] and RUGBY not in mass[1]
    whole, before = done.engine.store, plain.engine.store
    for member in (b"m-1", b"m-2"):
        sid, other = whole.find(b"acc-0", member), before.find(b"acc-0", member)
        for name in ("last_ts", "days", "day", "events", "sources"):
            assert whole.subjects[name][sid] == before.subjects[name][other], name
    assert int(whole.subjects["events"][whole.find(b"acc-0")]) == 2


def test_without_the_setting_nothing_of_it_is_held() -> None:
    """Words of agreement are kept as facts; no line, no record, no attributed mass."""
    records = [*world.home(), *world.own_days(12), *_BOTH]
    off, on = run(config(watermark_accounts=1), [records]), _story(*_BOTH)
    assert not _aside(off) and SCREENS not in off.changelog
    assert not any(has_line(off.engine, key) for key in _KEYS)
    assert _aside(on) == {b"h/acc-0", b"h/acc-0/m-1", b"h/acc-0/m-2"}
    assert off.changelog[b"s/acc-0"] == on.changelog[b"s/acc-0"]


def test_who_did_not_agree_is_possible_and_has_no_state() -> None:
    """His viewing lands on nobody; there is no line of his, and no record names him."""
    done = _story(*_BOTH, _shown("anime.example", 13, number=502), agree=("m-1",))
    assert _aside(done) == {b"h/acc-0", b"h/acc-0/m-1"}
    assert attributed(done.engine, "acc-0/m-2", _DAY) == {}
    assert "641" not in attributed(done.engine, "acc-0/m-1", _DAY)
    alone = [r for r in world.own_days(12) if r.doc["member_id"] == "m-1"]
    known = run(_ON, [[*world.home(agree=("m-1",)), *alone, _shown("rugby.example")]])
    assert attributed(known.engine, "acc-0/m-1", _DAY) == {}, "alone, nothing says it was he"


@pytest.mark.parametrize("status", ["withdrawn", "denied"])
@pytest.mark.parametrize("who", [{"member_id": "m-1"}, {}])
def test_a_withdrawal_takes_line_and_attributed_mass(status: str, who: dict[str, str]) -> None:
    """In the same commit, whoever of the two says it; what he did himself stays."""
    said = gen.fact(0, "consent", START + 13 * DAY_MS, purpose=ATTRIBUTION, status=status, **who)
    done = _story(*_BOTH, said, _shown("rugby.example", 13, 21, 502))
    assert not has_line(done.engine, "acc-0/m-1") and b"h/acc-0/m-1" not in done.changelog
    assert attributed(done.engine, "acc-0/m-1", _DAY) == {}
    store = done.engine.store
    sid = store.find(b"acc-0", b"m-1")
    level = store.rows.windows[int(store.subjects["start"][sid])]["level"][2]
    plain = _story().engine.store
    before = plain.rows.windows[int(plain.subjects["start"][plain.find(b"acc-0", b"m-1")])]
    assert level == pytest.approx(before["level"][2] + before["today"][2], rel=0.02)


def test_erasure_takes_the_records_with_it() -> None:
    """Of a member his own, of an account all."""
    for who, left in (({"member_id": "m-1"}, {b"h/acc-0", b"h/acc-0/m-2"}), ({}, set())):
        done = Run(_ON)
        done.apply([*world.home(), *world.own_days(12), *_BOTH])
        done.commit()
        done.apply([gen.fact(0, "erasure", START + 13 * DAY_MS, **who)])
        changes = done.commit()
        assert _aside(done) == left
        assert changes.state[b"h/acc-0/m-1"] is None


def test_a_disliked_interest_is_not_attributed() -> None:
    """Whether or not there was a row of it."""
    no = gen.fact(0, "declaration", START + 1, stance="dislike", interest=RUGBY, member_id="m-1")
    done = _story(no, *_BOTH)
    assert RUGBY not in attributed(done.engine, "acc-0/m-1", _DAY)
    assert HOCKEY in attributed(done.engine, "acc-0/m-2", _DAY)


def test_that_was_not_me_takes_the_attributed_mass_of_an_interest() -> None:
    """Of the one who says so, and of what lies below it; what he did himself stays."""
    said = gen.fact(
        0, "declaration", START + 13 * DAY_MS, stance="not_me", interest=RUGBY, member_id="m-1"
    )
    done, before = _story(*_BOTH, said), _story(*_BOTH)
    left = attributed(done.engine, "acc-0/m-1", _DAY)
    assert RUGBY not in left and left.keys() == attributed(before.engine, _KEYS[0], _DAY).keys() - {
        RUGBY
    }
    assert attributed(done.engine, _KEYS[1], _DAY) == attributed(before.engine, _KEYS[1], _DAY)
    assert RUGBY in {i["id"] for i in _interests(done, _KEYS[0])}


def _interests(done: Run, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = done.profiles()[key.encode()]["interests"]
    return found


def test_a_profile_says_what_was_seen_on_a_shared_screen() -> None:
    """A share and a reason for the member who was given it; neither for anybody else."""
    done = _story(*_BOTH, profile_common=True)
    by_id = {i["id"]: i for i in _interests(done, _KEYS[0])}
    assert 0.0 < by_id[RUGBY]["attributed"] < 0.5
    assert {"code": "seen_on_shared_screen", "value": by_id[RUGBY]["attributed"]} in by_id[RUGBY][
        "reasons"
    ]
    for item in _interests(done, "acc-0"):
        assert "attributed" not in item


def test_what_a_registered_child_watches_is_somebody_elses() -> None:
    """The household does not act on it; without a child in the registry it is the household's."""
    child = gen.fact(0, "registry", START - DAY_MS, device_id="tab", adult=False)
    cartoons = [_shown("anime.example", day, 16, 600 + day) for day in range(12, 20)]
    for first, held in ((child, True), (gen.consent(0), False)):
        done = run(
            config(attribution=True, watermark_accounts=1, profile_common=True),
            [[*world.home(), first, *world.own_days(12), *cartoons]],
        )
        (item,) = [i for i in _interests(done, "acc-0") if i["id"] == "641"]
        codes = {reason["code"] for reason in item["reasons"]}
        assert ("somebody_else" in codes) == held
        assert not held or item["stance"] == "hold"
        assert "641" not in attributed(done.engine, _KEYS[0], _DAY)


def test_figures_say_how_attribution_does() -> None:
    """Loss on labels, entropy, posteriors by band, homes by own lines; nothing where it is off."""
    found = _story(*_BOTH).engine.figures().attributed
    assert found is not None and run(config(), [world.home()]).engine.figures().attributed is None
    assert found.labels > 10 and 0.0 < found.log_loss < math.log(2.0)
    assert sum(found.posteriors) == 2 and 0.0 < found.entropy < math.log(2.0)
    assert found.homes == {"1": 0, "2": 1, "3": 0, "4": 0, "5+": 0}


def test_what_was_held_under_the_setting_goes_when_it_is_off_and_begins_cold() -> None:
    """Off: tombstones with the next commit. On again, from a changelog without: no lines."""
    done = _story(*_BOTH)
    done.config = config(watermark_accounts=1)
    done.restart()
    changes = done.commit()
    assert not _aside(done) and SCREENS not in done.changelog
    assert changes.state[b"h/acc-0/m-1"] is None
    done.config = _ON
    done.restart()
    assert not any(has_line(done.engine, key) for key in _KEYS)
    done.apply(world.own_days(1, first=14))
    assert all(has_line(done.engine, key) for key in _KEYS)


# -- against the slow twin


def _watched(records: list[Record]) -> list[Watched]:
    """The twin's events; home and line by account and member."""
    partition, found = Partition(_ON, load(), gen.TABLE), []
    contents = gen.batch(records).records["content_hash"].tolist()
    for record, content in zip(records, contents, strict=True):
        doc, account = record.doc, int(record.doc["account_id"][4:])
        member, country = doc.get("member_id"), doc.get("country", "\0\0").encode()
        tags = partition.tags(record.kind, doc) or []
        found.append(
            Watched(
                doc["ts"],
                account,
                None if member is None else 2 * account + int(member[2:]) - 1,
                content,
                tuple((int(k), float(w)) for k, w in tags),
                engagement(record.kind, doc),
                country=country[0] * 256 + country[1],
            )
        )
    return found


@pytest.mark.parametrize("seed", range(3))
def test_attributed_mass_and_weights_are_those_of_the_twin(seed: int) -> None:
    """Late events, countries and somebody who did not agree among them."""
    some = world.disordered(world.some_days(seed, 9, 25, first=1), 0.2, seed, 5 * HOUR_MS)
    records = [*world.own_days(1, 0), *world.own_days(1, 1), *some]
    agree = [*world.home(0), *world.home(1), *([gen.fact(1, "consent", START - DAY_MS,
             purpose="offers", status="granted", member_id="m-9")] if seed else [])]  # fmt: skip
    done = run(_ON, [agree, records])
    twin = Homes((0, 0, 1, 1), len(load()), frozenset(), _ON.attributing(load()).rules,
                 {1: (0, 1)} if seed else {}, begins=True)  # fmt: skip
    for event in _watched(records):
        twin.take(event)
    mass, total = twin.attributed_mass(_DAY), 0.0
    for line in range(4):
        found = attributed(done.engine, f"acc-{line // 2}/m-{line % 2 + 1}", _DAY)
        total += sum(found.values())
        expected = {load().ids[k]: m for k, m in enumerate(mass[line]) if m > 0.0}
        assert found == pytest.approx(expected, rel=1e-4), line
    assert total > 1.0
    known = done.engine.store.live.known
    assert known.weights.tolist() == pytest.approx(twin.weights, rel=1e-5)
    assert known.clock["scored"][0] > 20


# -- stops and orders


def _with_words(records: list[Record], words: list[tuple[int, Record]]) -> list[Record]:
    records = [*world.home(0), *world.home(1), *records]
    for at, word in words:
        records.insert(4 + at % len(records), word)
    return records


_WORDS = st.lists(
    st.tuples(
        st.integers(0, 400),
        st.sampled_from([
            world.agreed(0, "m-1", "withdrawn", START + 2 * DAY_MS),
            world.agreed(0, "m-1", ts=START + 4 * DAY_MS),
            gen.fact(0, "consent", START + DAY_MS, purpose=ATTRIBUTION, status="denied"),
            gen.fact(1, "erasure", START + 3 * DAY_MS, member_id="m-2"),
            gen.fact(1, "declaration", START + DAY_MS, stance="dislike", interest=RUGBY),
            gen.fact(1, "registry", START, device_id="d-1", adult=False),
            gen.consent(0, START + 5 * DAY_MS, "withdrawn"),
        ]),
    ),
    max_size=3,
)  # fmt: skip


@given(st.integers(0, 99), _WORDS, gen.cuts(1, 4))
@settings(max_examples=12, deadline=None)
def test_any_cut_and_restore_gives_the_same_bits(
    seed: int, words: list[tuple[int, Record]], places: list[float]
) -> None:
    """Lines, chains, attributed mass, weights and all that follows: state and profiles."""
    records = _with_words(world.disordered(world.some_days(seed, 8, 15), 0.1, seed, HOUR_MS), words)
    whole, stopped = run(_ON, [records]), run(_ON, gen.cut(records, places), restart=True)
    have, want = canonical(stopped.engine), canonical(whole.engine)
    assert have.keys() == want.keys()
    for key in want:
        if not key.startswith(b"s/"):
            assert have[key] == want[key], key
    assert without_versions(have) == without_versions(want)
    assert stopped.profiles() == whole.profiles()


def test_a_home_is_written_when_it_is_made() -> None:
    """By an own event, after which the household itself may long have none."""
    done = Run(_ON)
    done.apply(world.home())
    done.commit()
    done.apply(world.own_days(1))
    done.commit()
    assert _aside(done) == {b"h/acc-0", b"h/acc-0/m-1", b"h/acc-0/m-2"}


def test_who_agrees_again_begins_anew_after_a_restore_too() -> None:
    """No chain of before comes back to the line that he is given then."""
    at = START + 13 * DAY_MS
    parts = [
        [*world.home(), *world.own_days(12), *_BOTH],
        [world.agreed(0, "m-1", "withdrawn", at)],
        [world.agreed(0, "m-1", ts=at + 1), *world.own_days(1, first=13)],
        [_shown("rugby.example", 14, number=502)],
    ]
    whole, stopped = run(_ON, [sum(parts, [])]), run(_ON, parts, restart=True)
    assert without_versions(canonical(stopped.engine)) == without_versions(canonical(whole.engine))


def test_nothing_is_taken_out_of_a_changelog_that_holds_no_line() -> None:
    """A household without lines that goes has the one tombstone."""
    done = Run(_ON)
    done.apply([gen.consent(0), _shown("rugby.example")])
    done.commit()
    done.apply([gen.consent(0, START + 13 * DAY_MS, "withdrawn")])
    assert {key for key, value in done.commit().state.items() if value is None} == {b"s/acc-0"}


#: Share of the attributed mass that another order of arrival may move between members and
#: interests, where 1 % of the events are up to two hours late.
ORDER_TOLERANCE = 0.1


@given(st.integers(0, 99))
@settings(max_examples=6, deadline=None)
def test_attributed_mass_hardly_depends_on_the_order_of_arrival(seed: int) -> None:
    """A late event finds the chain as it is; all else that it reads is of earlier days."""
    events = world.some_days(seed, 10, 60)
    found = []
    for records in (events, world.disordered(events, 0.01, seed, 2 * HOUR_MS)):
        engine = run(_ON, [_with_words(records, [])]).engine
        keys = [f"acc-{a}/m-{m}" for a in (0, 1) for m in (1, 2)]
        found.append({(k, i): m for k in keys for i, m in attributed(engine, k, _DAY).items()})
    total = sum(found[0].values())
    moved = sum(abs(found[0].get(k, 0.0) - found[1].get(k, 0.0)) for k in {*found[0], *found[1]})
    assert total > 5.0
    assert moved <= ORDER_TOLERANCE * total
