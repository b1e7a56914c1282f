"""Names that tell by themselves: turned away in several languages, and few others with them."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.state.contents import Contents
from features.tags import taxonomy
from features.tags.entry import CHILDREN, TagEntry
from features.tags.exact import exact_tags, resolve
from features.tags.sensitive_words import MAX_CHARS, _inside, _words, normalised, sensitive_class

_LETTERS = st.text("abcdefghijklmnopqrstuvwxyz", max_size=6)
#: Words of our alphabet that tell wherever they stand in another.
_ANYWHERE = sorted(
    word for rows in _words().inside.held.values() for word, _ in rows if word.isascii()
)
_SHORTEST = [word for word in _ANYWHERE if len(word) <= 4]

SENSITIVE = {
    "health": "berlin-klinik.de hiv-test24.org hivhelp.org schwangerschaftsberatung.de "
    "clinique-du-lac.fr embarazosaludable.es szpital-miejski.pl hamilelik.com zwanger.nl "
    "ivfcenter.example xn--mdchenklinik-gcb.example app.mentalhealth.example беременность.рф "
    "dialysezentrum-koeln.de rheuma-liga.de hospiz-nord.de pflegestufe.de cabinet-dentaire.fr "
    "quimioterapia.es alcolistianonimi.it anonieme-alcoholisten.nl borstkanker.nl cancrodamama.pt "
    "anonimowi-alkoholicy.pl стоматология.рф suboxone.example abtreibung-info.de verpleeghuis.nl "
    "handikapp.example trauma.example 功能障碍.example reprodukcni.example "
    "krebsvorsorge.at nhs.example centrumonkologii.pl saude.example org.iggymedia.periodtracker",
    "sexuality": "gaydating.example transidentitaet.de contactosgay.es lesben.example "
    "rencontres-adultes.fr znakomstva.ru",
    "adult": "3dsexgames.example free-porn.example sexkontakte.de секс.example",
    "gambling": "spielsucht.de gokken.nl casino-online.example 1xbet.example lotto24.de "
    "buchmacher-sportwetten.de",
    "substances": "weed.example whisky-shop.example nightclub-x.example dispensari.example",
    "religion": "mezquita.es mesquita.pt moschea.it meczet.pl parochie.nl st-marys-church.example "
    "moschee-koeln.de tarot.example quran.example quakers.example",
    "politics": "spd.example pvda.nl rassemblementnational.fr bundestagswahl.bundestag.example "
    "politics.example",
    "union": "ccoo.es solidarnosc.pl gewerkschaft-bau.de aflcio.example",
    "ethnicity": "refugees-welcome.example familytreednatest.example",
    "crime": "rechtsanwalt-mueller.de divorcelawyer.example frauenhaus.example",
    "distress": "pfandleihhaus.de arbeitsagentur.de restosducoeur.org schuldnerberatung.de "
    "paydayloans.example trauerhilfe.example jobcenter.example arbeitsamt.example "
    "arbetslos.example nezamestnani.example desemprego.example werkloos.example "
    "ハローワーク.example bezrobotny.example",
    "weapons": "gunshop.example waffen-schmidt.de",
    "children": "kidszone.example kinderspiele.de grundschule-nord.de preschool.example",
}
HARMLESS = """
filterapi.example masterapp.example colosseum.example parker.example hempel.example
sussex.example visitessex.example middlesexcricket.example analytics.example canalplus.example
analysis.example classic-cars.example alphabet.example visittibet.example hospitality.example
churchill-insurance.example christchurch.example islamabad.example seaweed.example tweed.example
twine.example amywinehouse.example erdbeeren.example updating.example selection.example
trumpet.example babylon.example kinderdijk.example rothschild.example swankmag.example
bibliothek.example parishotels.example nudeln.example outlaw.example lawn.example cannes.example
jeuxvideo.example mandarin.example assets.example expert.example penistone.example
scunthorpe.example cockburn.example arsenal.example dickens.example shitake.example
essexstreet.example specialist.example therapper.example householdwaste.example
news.example weather.example football.example recipes.example holidays.example
video-static.example img.cdn.example com.android.vending org.wikipedia.app spiegel.de
""".split()


@pytest.mark.parametrize("kind", SENSITIVE)
def test_sensitive_names(kind: str) -> None:
    missed = {name: sensitive_class(name) for name in SENSITIVE[kind].split()}
    assert {name for name, found in missed.items() if found is None} == set()
    assert set(missed.values()) <= taxonomy.DENIED_FOR
    assert kind in missed.values()


def test_harmless_names() -> None:
    assert {name: kind for name in HARMLESS if (kind := sensitive_class(name))} == {}


def test_names_of_people_and_places_in_the_bundled_lists_are_told_by_few_words() -> None:
    """Of the compiled hosts that stand for something harmless a small share is turned away."""
    hosts = [
        key
        for key, entry in exact_tags(own=False).items()
        if key.startswith("host:") and entry.told
    ]
    hit = [key for key in hosts if sensitive_class(key.removeprefix("host:")) is not None]
    assert len(hosts) > 10_000 and not hit  # the builder denied them


@given(st.text(max_size=60), st.text(max_size=20))
def test_any_text_is_read_and_case_and_accents_dont_matter(text: str, more: str) -> None:
    found = sensitive_class(text)
    assert found is None or found in taxonomy.DENIED_FOR
    assert sensitive_class(normalised(text)) == sensitive_class(normalised(normalised(text)))
    assert sensitive_class("KLINIK-" + more.replace("-", "")[:5] + "-ÄRZTE") is not None


@given(
    _LETTERS, st.sampled_from(_ANYWHERE) | st.sampled_from(_SHORTEST), _LETTERS, st.integers(0, 2)
)
def test_no_word_is_passed_over_that_stands_in_a_name(
    before: str, word: str, after: str, cut: int
) -> None:
    name = before + word[cut:] + after
    assert (_inside(name, _words().inside) is not None) == any(it in name for it in _ANYWHERE)


def test_the_list_is_well_formed_and_every_class_has_words() -> None:
    rows = [row for _, row in taxonomy.read_rows("sensitive_words.tsv")]
    assert len({(row[0], row[1]) for row in rows}) == len(rows)
    assert {row[2] for row in rows} - {"-"} == taxonomy.DENIED_FOR
    for word, match, kind, _ in rows:
        assert len(word) >= (2 if not word.isascii() or match in ("token", "beside") else 3), word
        if match == "beside":
            assert kind == "-" and (len(word) < 4 or sensitive_class(word) is None), word
    head = resources.files("features.data").joinpath("sensitive_words.tsv").read_text("utf-8")
    assert all(match in head.partition("word\t")[0] for match in ("in ", "start", "end", "token"))


def test_a_harmless_word_hides_only_itself() -> None:
    assert sensitive_class("sussex-clinic.example") == "health"
    assert sensitive_class("sussexclinic.example") == "health"


# -- what a worker makes of them


@pytest.mark.parametrize(
    "key",
    [
        "host:teen-pregnancy-help.example",
        "host:m.schwangerschaft.example",
        "host:health.usnews.com",  # a part of a host that is known for something else
        "host:kids.nationalgeographic.com",
        "host:hiv.gov.example",
        "app:com.unheard.pregnancytracker",
        "app:quit smoking now",
        "app:com.netflix.hiv",
        "programme:living with hiv",
        "channel:mein bibel tv",
        "section:mental-health",
    ],
)
def test_sensitive_contents_are_known_so_that_nobody_names_them(key: str) -> None:
    contents = Contents(taxonomy.load(), exact_tags())
    assert contents.knows(key) and contents.slot_tags(key) == ()
    entry = resolve(key, exact_tags())
    assert entry is not None and entry.denied and entry.source.startswith("rule:words:")


def test_whom_a_person_vouched_for_is_not_read() -> None:
    shop = TagEntry((("473", 1.0),), "editor:list", 1.0, editor=True)
    listed = TagEntry((("473", 1.0),), "v2fly:x", 0.8)
    table = {"host:kidswine.com": shop, "host:winekids.example": listed, "app:beerapp": shop}
    assert resolve("host:kidswine.com", table) is shop
    assert resolve("host:www.kidswine.com", table) is shop
    assert resolve("app:beerapp", table) is shop
    for key in ("host:winekids.example", "host:clinic.kidswine.com"):
        found = resolve(key, table)
        assert found is not None and found.denied, key


def test_words_for_children_make_content_for_children() -> None:
    found = resolve("host:kinderspiele.example", {})
    assert found is not None and found.audience == CHILDREN


def test_a_look_up_costs_the_same_whatever_the_name() -> None:
    """The longest names, and those of most labels, within a few times a usual one."""
    table = exact_tags()

    def cost(name: Callable[[str], str]) -> float:
        best = float("inf")
        for turn in range(5):
            # Other words in each turn, or their classes would be remembered.
            names = [
                name("".join(map("abcdefghij".__getitem__, map(int, str(n)))))
                for n in range(1_000 + 300 * turn, 1_300 + 300 * turn)
            ]
            started = time.process_time()
            for key in names:
                resolve(key, table)
            best = min(best, time.process_time() - started)
        return best / 300

    usual = cost(lambda word: f"host:cdn{word}.some-where.example")
    deep = cost(lambda word: f"host:{'a.' * 100}n{word}.example")
    long = cost(lambda word: f"host:{'sawexpn' * 34}{word}.example")
    # Ten times the letters: what grows with their square would cost a hundred times as much.
    assert deep < 50 * usual and long < 50 * usual, (usual, deep, long)
    assert len("sawexpn" * 34) < MAX_CHARS
