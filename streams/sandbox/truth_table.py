"""Shows true interests beside learned ones: for the demo's eyes, not a measure of quality."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table

from features.tags import taxonomy
from features.vocabulary import Stance
from streams.client.parts import Interest
from streams.client.profile import Profile
from streams.sandbox.contents import INTERESTS
from streams.sandbox.people import HouseholdTruth

_NAMES = {interest.id: interest.name for interest in INTERESTS}
_SHOWN = 10
#: True interests that a table of learned ones should contain: done on every third day or more.
_STRONG = 0.33

Truth = Mapping[str, HouseholdTruth]
Profiles = Mapping[str, Profile]


def choose(truth: Truth, profiles: Profiles, count: int) -> list[str]:
    """Accounts to show: with consent, a profile, and the most evidence; ties by name."""
    evidence = {
        account: sum(p.evidence.events for p in _of(account, truth, profiles).values())
        for account, household in truth.items()
        if household.consent == "granted"
    }
    return sorted(
        truth if not any(evidence.values()) else evidence,
        key=lambda account: (-evidence.get(account, 0), account),
    )[:count]


def table(household: HouseholdTruth, profiles: Profiles, note: str = "") -> Table:
    """One household: its true interests by strength, and what was learned about each."""
    subjects = _of(household.account_id, {household.account_id: household}, profiles)
    known = sum(profile.evidence.events for profile in subjects.values())
    shown = Table(
        title=f"{household.account_id}: {len(household.members)} members, "
        f"{len(subjects)} profiles, {known} events {note}".rstrip(),
        title_justify="left",
        caption_justify="left",
    )
    shown.add_column("member")
    shown.add_column("truly likes", max_width=28, no_wrap=True)
    for column in ("of days", "learned", "lift"):
        shown.add_column(column, justify="right")
    for column in ("in profile of", "trend", "stance"):
        shown.add_column(column)
    rows = sorted(
        (
            (weight, member, interest)
            for member in household.members
            for interest, weight in member.interests.items()
        ),
        key=lambda row: (-row[0], row[1].member_id, row[2]),
    )
    for weight, member, interest in rows[:_SHOWN]:
        subject, found = _best(interest, household.account_id, member.member_id, subjects)
        cells = (
            ("[red]no[/red]", "", "", "", "")
            if found is None
            else (
                f"[green]{found.score:.2f}[/green]",
                f"{found.lift:.1f}",
                subject.partition("/")[2] or "household",
                found.trend,
                found.stance,
            )
        )
        shown.add_row(
            member.member_id + ("" if member.adult else " (child)"),
            _NAMES[interest],
            f"{weight:.0%}",
            *cells,
        )
    extra = _extra(household, subjects.values())
    if extra:
        shown.caption = "also learned: " + ", ".join(extra)
    return shown


def truths(truth: Truth) -> dict[str, list[dict[str, Any]]]:
    """List for the page what is true of each subject, the strongest first, less what is over.

    Returns
    -------
    dict of str to list of dict
        By account and by ``account/member``: ``id`` and ``name`` of interests, and ``days``, the
        probability of engaging on a usual day; of an account the greatest of its members'.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for account, household in truth.items():
        together: dict[str, float] = {}
        for member in household.members:
            lasting = {i: p for i, p in member.interests.items() if i not in member.until}
            found[f"{account}/{member.member_id}"] = _named(lasting)
            together |= {i: max(p, together.get(i, 0.0)) for i, p in lasting.items()}
        found[account] = _named(together)
    return found


def _named(interests: Mapping[str, float]) -> list[dict[str, Any]]:
    ordered = sorted(interests.items(), key=lambda item: (-item[1], item[0]))
    return [{"id": i, "name": _NAMES[i], "days": round(p, 2)} for i, p in ordered]


def score_lines(truth: Truth, profiles: Profiles) -> list[str]:
    """Two sentences on adults of consenting households: how much was found, how much is true."""
    hits = strong = said = right = 0
    for account, household in truth.items():
        if household.consent != "granted":
            continue
        subjects = _of(account, truth, profiles)
        for member in (m for m in household.members if m.adult):
            lasting = [
                interest
                for interest, weight in member.interests.items()
                if weight >= _STRONG and interest not in member.until
            ]
            strong += len(lasting)
            hits += sum(
                _best(interest, account, member.member_id, subjects)[1] is not None
                for interest in lasting
            )
            own = subjects.get(f"{account}/{member.member_id}")
            engaged = [i.id for i in own.interests if i.stance == Stance.ENGAGE.word] if own else []
            true = _with_ancestors(member.interests)
            said += len(engaged)
            right += sum(interest in true for interest in engaged)
    return [
        f"of {strong} interests that adults follow on a third of their days or more, {hits} are "
        f"in their profiles ({hits / max(strong, 1):.0%})",
        f"of {said} times 'engage' in adults' own profiles, {right} name what they truly like, "
        f"or what it is part of ({right / max(said, 1):.0%})",
    ]


def privacy_line(truth: Truth, profiles: Profiles) -> str:
    """Profiles of households that denied, withdrew or were erased: there should be none."""
    silent = [account for account, household in truth.items() if household.consent != "granted"]
    kept = sum(bool(_of(account, truth, profiles)) for account in silent)
    return (
        f"{len(silent)} households denied or withdrew consent or were erased; "
        f"{kept} of them have a profile"
    )


def _with_ancestors(interests: Iterable[str]) -> set[str]:
    tree = taxonomy.load()
    return {
        tree.ids[node]
        for interest in interests
        for node in (tree.index(interest), *tree.ancestors(tree.index(interest)))
    }


def _of(account: str, truth: Truth, profiles: Profiles) -> dict[str, Profile]:
    names = [account, *(f"{account}/{m.member_id}" for m in truth[account].members)]
    return {name: profiles[name] for name in names if name in profiles}


def _best(
    interest: str, account: str, member_id: str, subjects: Mapping[str, Profile]
) -> tuple[str, Interest | None]:
    """The member's own profile or the household's, whichever is surer of the interest."""
    best: tuple[str, Interest | None] = ("", None)
    for name in (f"{account}/{member_id}", account):
        for learned in subjects[name].interests if name in subjects else ():
            if learned.id == interest and (best[1] is None or learned.score > best[1].score):
                best = name, learned
    return best


def _extra(household: HouseholdTruth, profiles: Iterable[Profile]) -> list[str]:
    true = household.interests()
    scores: dict[str, float] = {}
    for profile in profiles:
        for learned in profile.interests:
            if learned.id not in true:
                scores[learned.name] = max(learned.score, scores.get(learned.name, 0.0))
    best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:5]
    return [f"{name} {score:.2f}" for name, score in best]
