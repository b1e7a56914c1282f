"""The taxonomy is a sound tree, its indices are stable, and nothing sensitive slips through."""

from __future__ import annotations

from importlib import resources

import pytest

from features.tags import taxonomy
from features.tags.taxonomy import MAX_NODES, VERSION, Taxonomy, load


@pytest.fixture(scope="module")
def tree() -> Taxonomy:
    return load()


def iab_flagged() -> set[str]:
    """Ids that IAB's own extension column marks ``SCD``."""
    text = resources.files("features.data").joinpath("iab_content_3.1.tsv").read_text()
    rows = (line.split("\t") for line in text.splitlines()[2:])
    return {row[0] for row in rows if "SCD" in row[7:]}


def test_tree_is_sound(tree: Taxonomy) -> None:
    n = len(tree)
    assert n == 705 <= MAX_NODES and tree.version == VERSION
    assert len(set(tree.ids)) == n == len(tree.names) == len(tree.paths) == len(tree.children)
    assert tree.parent.shape == tree.sensitive.shape == (n,)
    for i in range(n):
        assert tree.index(tree.ids[i]) == i
        above = tree.ancestors(i)
        assert tree.paths[i] == tuple(tree.names[j] for j in (*reversed(above), i))
        assert all(int(tree.parent[child]) == i for child in tree.children[i])
    assert sum(len(below) for below in tree.children) == sum(p >= 0 for p in tree.parent)


def test_indices_are_stable(tree: Taxonomy) -> None:
    """A new fingerprint means that stored dense indices need a migration."""
    assert tree.fingerprint == "fce5e0816819552d"
    assert (tree.ids[0], tree.ids[-1]) == ("150", "1020")


def test_walks_up_and_down(tree: Taxonomy) -> None:
    baseball = tree.index("490")
    assert [tree.names[i] for i in tree.ancestors(baseball)] == ["College Sports", "Sports"]
    assert baseball in set(tree.descendants(tree.index("483")))
    assert tree.ancestors(tree.index("483")) == ()
    with pytest.raises(KeyError):
        tree.index("no-such-id")


def test_columns_are_read_only(tree: Taxonomy) -> None:
    for column in (tree.parent, tree.sensitive):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 1
    assert load() is tree


@pytest.mark.parametrize(
    "name",
    [
        "Medical Health",
        "Mental Health",
        "Pregnancy",
        "Vaccines",
        "Weight Loss",
        "Smoking Cessation",
        "Women's Health",
        "Religion & Spirituality",
        "Islam",
        "Judaism",
        "Sikhism",
        "Atheism",
        "Politics",
        "Elections",
        "Political Issues & Policy",
        "War and Conflicts",
        "Dating",
        "Marriage and Civil Unions",
        "Divorce",
        "Genealogy and Ancestry",
        "Genetics",
        "Non-Profit Organizations",
        "Sensitive Topics",
        "Adult & Explicit Sexual Content",
        "Terrorism",
        "Casinos & Gambling",
        "Lotteries and Scratchcards",
        "Poker and Professional Gambling",
        "Casino and Gambling Video Games",
        "Adult Video Games",
        "Crime",
        "Law",
        "Parenting Babies and Toddlers",
        "Primary Education",
        "Children's Games and Toys",
        "Alcoholic Beverages",
        # children's education and events
        "Family/Children",
        "Young Adult",
        "Homework and Study",
        "Homeschooling",
        "Standardized Testing",
        "College Planning",
        "Prom",
        "Graduation",
        "Birthday",
        "Family Travel",
        "Family Video Games",
        "Educational Video Games",
        "Parenting",
        # hardship and debt
        "Personal Debt",
        "Credit Cards",
        "Student Loans",
        "Financial Assistance",
        "Student Financial Aid",
        "Frugal Living",
        "Disasters",
        # health insurance and biotech
        "Health Insurance",
        "Life Insurance",
        "Biotech and Biomedical Industry",
        # legal trouble
        "Legal Services Industry",
        # alcohol and clubs
        "Nightclubs",
        "Bars & Restaurants",
        # weapons
        "Hunting and Shooting",
        "Defense Industry",
        "Arms & Ammunition",
        # belief, origin, sex
        "Paranormal Phenomena",
        "Holidays",
        "National & Civic Holidays",
        "Public Radio",
        "Wedding",
        "Honeymoons and Getaways",
    ],
)
def test_denied(tree: Taxonomy, name: str) -> None:
    assert tree.sensitive[tree.names.index(name)]


@pytest.mark.parametrize(
    "name",
    [
        "Sports",
        "News",
        "Movies",
        "Shopping",
        "True Crime",
        "Travel",
        "Fitness and Exercise",
        "Video Gaming",
        "Food & Drink",
        "Personal Finance",
        "Music",
    ],
)
def test_allowed(tree: Taxonomy, name: str) -> None:
    assert not tree.sensitive[tree.names.index(name)]


def test_descendants_inherit(tree: Taxonomy) -> None:
    for listed in tree.reasons:
        assert tree.sensitive[listed]
        assert all(tree.sensitive[i] for i in tree.descendants(listed))
    for i in range(len(tree)):  # and nothing else is denied
        assert bool(tree.sensitive[i]) == any(j in tree.reasons for j in (i, *tree.ancestors(i)))


def test_every_listed_node_has_a_reason_and_is_listed_once(tree: Taxonomy) -> None:
    assert all(len(reason.split(": ", 1)[1]) > 10 for reason in tree.reasons.values())
    kind = {i: reason.partition(":")[0] for i, reason in tree.reasons.items()}
    twice = [tree.names[i] for i in kind if any(kind.get(j) == kind[i] for j in tree.ancestors(i))]
    assert not twice, "inherited anyway, and for nothing else"


def test_iabs_own_flag_would_have_missed_these() -> None:
    flagged = iab_flagged()
    missed = {
        "Politics": "386",
        "Elections": "387",
        "Judaism": "462",
        "Sikhism": "463",
        "Dating": "188",
        "Casinos & Gambling": "181",
        "Vaccines": "322",
    }
    tree = load()
    for name, interest in missed.items():
        assert tree.names[tree.index(interest)] == name
        assert interest not in flagged
        assert tree.is_sensitive(interest)


def test_flagged_but_allowed_is_a_short_list_that_was_looked_at(tree: Taxonomy) -> None:
    allowed = {tree.names[tree.index(i)] for i in iab_flagged() if not tree.is_sensitive(i)}
    assert allowed == {
        "Auto Racing",
        "Pet Supplies",
        "Real Estate Buying and Selling",
        "Real Estate Renting and Leasing",
        "Reptiles",
        "Retail Property",
        "Smart Home",
        "Theater",
        "Vacation Properties",
        "Western",
    }


def test_every_node_is_decided_for_a_documented_reason(tree: Taxonomy) -> None:
    """`load` refuses a node without a decision; here the reasons themselves are looked at."""
    allowed = {row[0]: row for _, row in taxonomy.read_rows("allowed.tsv")}
    assert {i for i in tree.ids if not tree.is_sensitive(i)} == set(allowed)
    page = resources.files("features.data").joinpath("README.md").read_text(encoding="utf-8")
    for kind in (*taxonomy.DENIED_FOR, *taxonomy.ALLOWED_AS):
        assert f"| `{kind}` |" in page, kind
    used = {reason.partition(":")[0] for reason in tree.reasons.values()}
    assert used == taxonomy.DENIED_FOR and {r[2] for r in allowed.values()} == taxonomy.ALLOWED_AS
    assert all(len(reason.partition(": ")[2]) >= 10 for reason in tree.reasons.values())


def test_tiers_and_parents_agree_or_are_decided_apart(tree: Taxonomy) -> None:
    """A node that IAB's tiers put below a denied one, though its parent column doesn't."""
    text = resources.files("features.data").joinpath("iab_content_3.1.tsv").read_text()
    rows = [line.split("\t") for line in text.splitlines()[2:]]
    paths = {tuple(t for t in row[3:7] if t): row[0] for row in rows if row[0]}
    for path, interest in paths.items():
        above = paths.get(path[:-1])
        if above is not None and tree.is_sensitive(above):
            assert tree.is_sensitive(interest), path


def test_what_reveals_a_minor(tree: Taxonomy) -> None:
    minors = {i for i in tree.ids if tree.reveals_minor(i)}
    assert {"645", "192", "196", "144", "482"} <= minors
    assert not minors & {"641", "286", "133", "no-such-id"}
    assert all(tree.is_sensitive(i) for i in minors)


def test_unknown_ids_are_denied(tree: Taxonomy) -> None:
    assert tree.is_sensitive("no-such-id") and "no-such-id" not in tree


BAD_FILES = {
    "an unknown parent": ("iab_supplement.tsv", "id\tparent\tname\nx\tnowhere\tX\n", "parent"),
    "an id twice": ("iab_supplement.tsv", "id\tparent\tname\n483\t\tSports\n", "twice"),
    "a circle": ("iab_supplement.tsv", "id\tparent\tname\nx\ty\tX\ny\tx\tY\n", "circle"),
    "a sensitive node by a wrong name": (
        "sensitive.tsv",
        "id\tname\tclass\treason\n386\tPets\tx\ty\n",
        "line 2",
    ),
    "a class that nobody explained": (
        "sensitive.tsv",
        "id\tname\tclass\treason\n386\tPolitics\tmood\ty\n",
        "no class",
    ),
    "a node that nobody decided": (
        "allowed.tsv",
        "id\tname\tclass\tnote\n483\tSports\tsport\t-\n",
        "neither",
    ),
    "a node denied and allowed": (
        "sensitive.tsv",
        "id\tname\tclass\treason\n483\tSports\tgambling\ty\n",
        "both",
    ),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_inconsistent_files_are_named(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, text, expected = BAD_FILES[case]
    real = taxonomy.read_rows
    rows = [(n, line.split("\t")) for n, line in enumerate(text.splitlines(), 1)][1:]
    monkeypatch.setattr(taxonomy, "read_rows", lambda f: iter(rows) if f == name else real(f))
    with pytest.raises(taxonomy.TaxonomyError, match=expected):
        load.__wrapped__()
