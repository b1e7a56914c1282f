"""Exact tags: what they say, what they never say, and how they travel."""

from __future__ import annotations

import csv
import subprocess
import sys
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.tags.exact import (
    ANCESTOR_SHARE,
    MAX_EXPANDED,
    MAX_TAGS,
    NEIGHBOUR_SHARE,
    TagEntry,
    app_category_tags,
    checked_key,
    exact_tags,
    expand,
    genre_tags,
    neighbours,
    resolve,
)
from features.tags.keys import public_key
from features.tags.taxonomy import load
from tests.support.needs import need_data
from tests.support.paths import DATA_SETS, ROOT

TREE = load()
SETS = DATA_SETS


def names(found: tuple[tuple[str, float], ...]) -> set[str]:
    return {TREE.names[TREE.index(interest)] for interest, _ in found}


# -- the tables


def test_no_sensitive_interest_in_any_table() -> None:
    for key, entry in exact_tags().items():
        assert not any(TREE.is_sensitive(interest) for interest, _ in entry.tags), key
        assert all(0 < weight <= 1 for _, weight in entry.tags) and len(entry.tags) <= MAX_TAGS
        assert not (entry.infrastructure and entry.tags) and 0 < entry.confidence <= 1


def test_every_key_is_a_content_key_below_a_public_suffix() -> None:
    wrong = [key for key in exact_tags() if checked_key(key) != key]
    assert not wrong


def test_files_are_small_and_well_formed() -> None:
    for file in resources.files("features.data").iterdir():
        if file.name.endswith(".tsv"):
            text = file.read_bytes()
            assert len(text) < 2_500_000
            rows = [
                line.split("\t")
                for line in text.decode().splitlines()
                if line and not line.startswith("#")
            ]
            # IAB's own file has a title line above its header
            assert file.name.startswith("iab_content") or len({len(row) for row in rows}) == 1


@pytest.mark.parametrize(
    "name",
    [
        "hosts.tsv",
        "apps.tsv",
        "genres.tsv",
        "channels.tsv",
        "app_categories.tsv",
        "host_tags.tsv",
        "brand_hosts.tsv",
    ],
)
def test_no_row_stands_twice(name: str) -> None:
    text = resources.files("features.data").joinpath(name).read_text(encoding="utf-8")
    keys = [line.split("\t")[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(keys) == len(set(keys))


def test_loading_is_quick() -> None:
    """A worker waits for it when it starts."""
    script = (
        "import time; from features.tags import exact; start = time.process_time(); "
        "n = len(exact.exact_tags()); print(time.process_time() - start, n)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    seconds, entries = done.stdout.split()
    assert float(seconds) < 2 and int(entries) > 30_000


KNOWN = {
    "host:www.bbc.co.uk": {"News"},
    "host:r3---sn-4g5e6nz7.googlevideo.com": {"Entertainment", "Video Software"},
    "host:api-global.netflix.com": {"Television", "Movies"},
    "host:www.google.com": {"Search"},
    "host:mail.google.com": {"Email"},
    "host:store.steampowered.com": {"PC Games"},
    "host:www.amazon.de": {"Shopping"},
    "app:com.whatsapp": {"Communication"},
    "app:微信": {"Communication"},
    "app:tls.spotify": {"Music"},
    "app:com.netflix.ninja": {"Television", "Movies"},  # by the domain in the package
    "channel:cnn": {"News"},
    "genre:comedies": {"Comedy"},
    "category:音乐音频": {"Music"},
}


@pytest.mark.parametrize("key", KNOWN)
def test_known(key: str) -> None:
    entry = resolve(key, exact_tags())
    assert entry is not None and names(entry.tags) == KNOWN[key]


@pytest.mark.parametrize(
    "key",
    [
        "host:ad.doubleclick.net",
        "host:fonts.gstatic.com",
        "host:a1.g.akamai.net",
        "host:ads.yahoo.com",
        "host:d1.cloudfront.net",
        "host:roirocket.decipherinc.com",
        "host:windowsupdate.com",
        "host:192.168.0.1",
        "host:[2001:db8::1]",
        "host:2001:db8::1",
        "host:router",
        "host:printer.local",
        "host:1.0.0.127.in-addr.arpa",
        "app:com.android.settings",
        "app:com.qualcomm.qti.ims",
        "app:gboard",
        "app:dns.google",
    ],
)
def test_infrastructure(key: str) -> None:
    entry = resolve(key, exact_tags())
    assert entry is not None and entry.infrastructure and not entry.tags and not entry.denied


@pytest.mark.parametrize(
    "key",
    [
        "host:www.pornhub.com",
        "host:www.bet365.com",
        "host:www.webmd.com",
        "host:www.politico.com",
        "host:www.breitbart.com",
        "host:grindr.com",
        "host:www.adam4adam.com",
        "host:bible.com",
        "host:www.ancestry.com",
        "host:thepiratebay.org",
        "app:com.grindrapp.android",
        "app:com.bitsmedia.android.muslimpro",
        "channel:fox news",
        "genre:lgbtq movies",
        "genre:faith & spirituality",
        "genre:dvb:1.8",
        "category:dating",
        "category:medical",
        "category:health and fitness",
        "category:健康医疗",
        "genre:series kids",
        "channel:cartoon network",
    ],
)
def test_known_and_denied(key: str) -> None:
    entry = resolve(key, exact_tags())
    assert entry is not None and entry.denied


@pytest.mark.parametrize("dots", [".", ".."])  # the decoder takes off one
def test_dots_of_the_root_make_no_other_host(dots: str) -> None:
    table = exact_tags()
    hosts = [key for key in table if key.startswith("host:")][::50]
    assert [key for key in hosts if resolve(key + dots, table) != resolve(key, table)] == []
    for private in ("host:4.3.2.1.in-addr.arpa", "host:nas.home.arpa", "host:nas.fritz.box"):
        assert public_key(private + dots) is None


@pytest.mark.parametrize("added", [" hd", " +1", "+1", " uhd (uk)", " deutschland", "_hd", " tv 2"])
def test_a_denied_channel_is_denied_whatever_was_added_to_its_name(added: str) -> None:
    """A producer adds quality, time shift and country as it likes."""
    table = exact_tags()
    denied = [key for key, entry in table.items() if key.startswith("channel:") and entry.denied]
    assert len(denied) > 100
    for key in denied:
        entry = resolve(key + added, table)
        assert entry is not None and entry.denied, key
    assert resolve("channel:arte" + added, table) is None  # what it is of is not guessed
    editors = {**table, "channel:kika hd": TagEntry((("483", 1.0),), "editor", 1.0, editor=True)}
    assert resolve("channel:kika hd", editors) == editors["channel:kika hd"]


@pytest.mark.parametrize("added", ["4k ", "uk: ", "|de| ", "105 ", "us - ", "uhd | it | ", "[fr] "])
def test_nor_does_what_was_put_before_it(added: str) -> None:
    table = exact_tags()
    denied = [key for key, entry in table.items() if key.startswith("channel:") and entry.denied]
    for key in denied:
        for behind in ("", " hd"):
            entry = resolve(f"channel:{added}{key.partition(':')[2]}{behind}", table)
            assert entry is not None and entry.denied, key
    for name in ("arte", "vh1 pop", "discovery"):
        assert resolve(f"channel:{added}{name}", table) is None


def test_accents_are_no_other_channel() -> None:
    for name in ("TÉLÉTOON+", "rté jr", "déčko hd", "4k | čt :d"):
        entry = resolve("channel:" + name.lower(), exact_tags())
        assert entry is not None and entry.audience == "children"


@pytest.mark.parametrize(
    "key",
    [
        "host:unheard-of.example",
        "app:unheard",
        "app:org.unheard.of",
        "programme:p-1",
        "section:home",
        "host:",
        "host:..",
        "host:.",
    ],
)
def test_unknown(key: str) -> None:
    found = resolve(key, exact_tags())
    assert found is None or (key.startswith("host:") and not found.tags)


# -- walking up


SITE = TagEntry((("483", 1.0),), "own:t", 1.0)
MACHINE = TagEntry((), "own:t", 1.0, infrastructure=True)


def test_the_nearest_level_wins() -> None:
    table = {"host:a.com": SITE, "host:cdn.a.com": MACHINE, "host:tv.cdn.a.com": SITE}
    assert resolve("host:www.a.com", table) is SITE
    assert resolve("host:x.cdn.a.com", table) is MACHINE
    assert resolve("host:y.tv.cdn.a.com", table) is SITE


def test_a_public_suffix_speaks_for_nobody() -> None:
    table = {"host:co.uk": SITE, "host:com": SITE, "host:b.co.uk": MACHINE}
    assert resolve("host:a.co.uk", table) is None
    assert resolve("host:www.a.com", table) is None
    assert resolve("host:www.b.co.uk", table) is MACHINE


def test_a_wildcard_covers_packages_below() -> None:
    table = {"app:com.a.*": MACHINE, "app:com.a.b.*": SITE, "host:c.com": SITE}
    assert resolve("app:com.a.x", table) is MACHINE
    assert resolve("app:com.a.b.y", table) is SITE
    guessed = resolve("app:com.c.player", table)
    assert guessed is not None and guessed.tags == SITE.tags and guessed.confidence < 1
    assert resolve("app:com.android", {"host:android.com": MACHINE}) is None


# -- expanding


TAGS = st.lists(st.tuples(st.sampled_from([*TREE.ids, "gone"]), st.floats(0.001, 1)), max_size=20)


@given(TAGS)
def test_expanding_obeys_its_laws(found: list[tuple[str, float]]) -> None:
    """Slow twin: every path's weight written out, greatest kept."""
    expected: dict[int, float] = {}
    for interest, weight in found:
        if interest in TREE and not TREE.is_sensitive(interest):
            path = (TREE.index(interest), *TREE.ancestors(TREE.index(interest)))
            for level, node in enumerate(path):
                if TREE.ids[node] != "SPSHQ5":
                    expected[node] = max(expected.get(node, 0), weight * ANCESTOR_SHARE**level)
            if path[0] in neighbours(TREE):
                near = neighbours(TREE)[path[0]]
                expected[near] = max(expected.get(near, 0), weight * NEIGHBOUR_SHARE)
    result = expand(found, TREE)
    assert len(result) == min(MAX_EXPANDED, len(expected))
    assert not any(TREE.sensitive[node] for node, _ in result)
    assert result == sorted(result, key=lambda item: (-item[1], item[0]))
    assert all(weight == pytest.approx(expected[node]) for node, weight in result)
    assert expand(reversed(found), TREE) == result


@given(TAGS)
def test_weights_dont_inflate(found: list[tuple[str, float]]) -> None:
    """Nothing is raised above the strongest tag, and repeating tags changes nothing."""
    result = expand(found, TREE)
    most = max((weight for _, weight in found), default=0.0)
    assert all(weight <= most for _, weight in result)
    assert expand(found * 2, TREE) == result
    own = {interest for interest, _ in found}
    related = [
        weight
        for node, weight in result
        if TREE.ids[node] not in own and not own & {TREE.ids[i] for i in TREE.descendants(node)}
    ]
    assert all(weight <= NEIGHBOUR_SHARE * most for weight in related)


def test_neighbours_are_mutual_harmless_and_of_another_branch() -> None:
    held = neighbours(TREE)
    assert len(held) >= 20
    for one, other in held.items():
        assert held[other] == one
        assert not TREE.sensitive[one] and not TREE.sensitive[other]
        assert (one, *TREE.ancestors(one))[-1] != (other, *TREE.ancestors(other))[-1]
    theatre, venues = TREE.index("209"), TREE.index("177")
    assert dict(expand([("209", 1.0)], TREE))[venues] == pytest.approx(NEIGHBOUR_SHARE)
    assert held[theatre] == venues


def test_neighbours_are_up_to_date() -> None:
    from tests.tools import build_neighbours

    held = (ROOT / "features" / "data" / "neighbours.tsv").read_text(encoding="utf-8")
    assert build_neighbours.build() == held


def test_a_sensitive_tag_raises_not_even_its_ancestors() -> None:
    assert expand([("524", 1.0)], TREE) == []  # Poker, below Sports
    assert expand([("533", 1.0)], TREE) == [(TREE.index("533"), 1.0), (TREE.index("483"), 0.5)]


# -- words of catalogues


def test_genres() -> None:
    assert names(genre_tags(" Comedies ")) == {"Comedy"} and genre_tags("Series Kids") == ()
    assert names(genre_tags("dvb:4.3")) == {"Soccer"}
    assert names(genre_tags("Crime / Drama")) == {"True Crime", "Drama"}
    assert genre_tags("LGBTQ Movies") == genre_tags("no such genre") == genre_tags("") == ()


def test_store_categories() -> None:
    assert names(app_category_tags("FOOD_AND_DRINK")) == {"Food & Drink"}
    assert app_category_tags("Food & Drink") == app_category_tags("FOOD_AND_DRINK")
    assert app_category_tags("GAME_CARD") == app_category_tags("card") != ()
    for word in ("DATING", "nonsense", "Health & Fitness", "GAME_CASINO", "Kids", "PARENTING"):
        assert app_category_tags(word) == (), word


@pytest.mark.quality
@pytest.mark.parametrize(
    "file, column, separator, lookup",
    [
        ("programmes/titles.csv", "listed_in", ",", "genre:"),
        ("apps/googleplaystore.csv", "Category", None, "category:"),
        ("apps/AppleStore.csv", "prime_genre", None, "category:"),
        ("taxonomy/dvb_content_nibbles.tsv", "name", None, "genre:"),
        ("taxonomy/iab_ctv_genre_mapping.tsv", "CTV Genres", None, "genre:"),
    ],
)
def test_every_listed_word_is_known(
    file: str, column: str, separator: str | None, lookup: str
) -> None:
    path = need_data(SETS / file)
    with path.open(encoding="utf-8", errors="replace", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t" if file.endswith("tsv") else ",")
        cells = {row[column] or "" for row in rows}
    words = {
        word.strip() for cell in cells for word in (cell.split(separator) if separator else [cell])
    } - {"", "1.9"}  # one shifted row
    unknown = {
        w
        for w in words
        if lookup + w.lower().replace("_", " ") not in exact_tags()
        and lookup + w.lower().replace("_", " ").replace("&", "and") not in exact_tags()
    }
    assert words and not unknown


# -- records


@pytest.mark.quality
def test_compiled_hosts_are_up_to_date() -> None:
    need_data(SETS / "hosts" / "v2fly")
    command = [sys.executable, "-m", "tests.tools.build_tags", str(SETS), "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
