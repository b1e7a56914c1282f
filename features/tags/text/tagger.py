"""Tags texts with probability and source; gives no answer where nothing is likely.

Descriptions answer from the first text on. Entries whose tags are known correct them in two
ways: what a `TextClassifier` knows, it answers; and a subject that the descriptions assert while
known entries keep denying it loses trust.

Nothing sensitive is tagged: a text whose likeliest subject is sensitive is *denied*, and so is one
that a sensitive description comes near to, or nearly so and with words that tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from features.tags import taxonomy
from features.tags.entry import CHILDREN, Tag, TagEntry, admissible
from features.tags.sensitive_words import sensitive_class
from features.tags.text import descriptions
from features.tags.text.learning import THRESHOLD, TextClassifier
from features.tags.text.matching import Embed, Matcher, Subjects
from features.tags.text.wording import MAX_TEXT_CHARS, is_telling

#: Likeliest subject below this: no answer. News texts of classes unknown to the taxonomy's
#: phrases: a fifth unanswered, nine tenths of the answers right.
ABSTAIN = 0.35
#: Share of its tier-1 node from which a tier-2 node is named too.
ABSTAIN_BELOW = 0.5
#: Probability from which known entries may silence a text.
DENIED = 0.5
#: Share of the likeliest sensitive part over that of the likeliest harmless subject from which the
#: descriptions match nothing harmless; and where the text has sensitive words. Of news that are
#: tagged a twentieth is silenced so, of synopses a sixth.
NEAR, NEAR_IN_WORDS = 0.2, 0.05
MAX_ANSWERS = 6
#: Labels that are learned beside interests, to be silent by. A text for children is silenced as
#: soon as an interest would be told; of what else is sensitive the texts have less in common.
_SENSITIVE_LABEL, _CHILDREN_LABEL = "sensitive", "children"
#: Assertions of a description that are taken as right before any is checked.
_CREDIT = 8.0


@dataclass(frozen=True)
class TextAnswer:
    """The tagger's answer for a text: interests with probabilities, or that it is sensitive.

    Attributes
    ----------
    tags : tuple of (str, float)
        IAB id and probability, likeliest first; never sensitive.
    denied : bool
        The text is known to be about something sensitive: it gets no tags.
    source : str
        ``text:described``, ``text:learned`` or both joined by ``+``; empty for no answer.
    subject : str
        IAB id of the likeliest subject whether it may be told or not, for measuring only.
    share : float
        Its share among all subjects, 0..1.
    """

    tags: tuple[Tag, ...]
    denied: bool
    source: str
    subject: str
    share: float

    @property
    def answered(self) -> bool:
        """Whether there is something to write into ``content-tags``."""
        return bool(self.tags) or self.denied

    def silent(self) -> TextAnswer:
        """The same without an answer."""
        return TextAnswer((), False, "", self.subject, self.share)

    def entry(self) -> TagEntry | None:
        """The answer as a tag entry, None for no answer."""
        if not self.answered:
            return None
        sure = max((weight for _, weight in self.tags), default=self.share)
        return TagEntry(self.tags, self.source or "text:described", round(sure, 3))


@dataclass
class _Domain:
    """A kind of text: subjects that compete, and what known entries taught."""

    subjects: Subjects
    learner: TextClassifier
    right: dict[str, float] = field(default_factory=dict)
    asserted: dict[str, float] = field(default_factory=dict)

    def trust(self, interest: str) -> float:
        return (self.right.get(interest, 0.0) + _CREDIT) / (
            self.asserted.get(interest, 0.0) + _CREDIT
        )


class TextTagger:
    """Tags texts and learns from known ones.

    Parameters
    ----------
    embed : Embed
        Texts to vectors; see `features.tags.text.matching.Embed`.
    """

    def __init__(self, embed: Embed) -> None:
        self._tree = taxonomy.load()
        self._matcher = Matcher(embed, self._tree, descriptions.load())
        size = self._matcher.embed(["size"]).shape[1]
        self._pages = _Domain(self._matcher.pages, TextClassifier(size))
        self._programmes = _Domain(self._matcher.programmes, TextClassifier(size))

    def tag(self, texts: Sequence[str], kind: str = "host") -> list[TextAnswer]:
        """Answers for texts of one kind; of one too short to tell, at most that it is denied.

        Parameters
        ----------
        texts : sequence of str
        kind : str
            Prefix of the content key: ``programme`` and ``channel`` have genres, all others
            have subjects only.
        """
        answers = self._answers(texts, kind) if texts else []
        return [
            answer if answer.denied or is_telling(text, kind) else answer.silent()
            for answer, text in zip(answers, texts, strict=True)
        ]

    def _answers(self, texts: Sequence[str], kind: str) -> list[TextAnswer]:
        domain = self._domain(kind)
        cut = [text[:MAX_TEXT_CHARS] for text in texts]
        vectors = self._matcher.embed(cut)
        likeness = self._matcher.likeness(vectors)
        shares = domain.subjects.field.shares(likeness)
        near = [
            float(nearness) / (NEAR_IN_WORDS if sensitive_class(text) else NEAR)
            for text, nearness in zip(cut, domain.subjects.nearness(likeness), strict=True)
        ]
        learner = domain.learner
        if not learner.trained:
            return [
                self._answer(domain, likeness[i : i + 1], shares[i], near[i], {}, False)
                for i in range(len(cut))
            ]
        chances = learner.chances(vectors, cut)
        names = learner.labels
        answers = []
        for i in range(len(cut)):
            likely = np.flatnonzero(chances[i] >= THRESHOLD)
            learned = {names[k]: float(chances[i, k]) for k in likely if learner.knows(names[k])}
            denied = learned.pop(_SENSITIVE_LABEL, 0.0) >= DENIED
            denied |= learned.pop(_CHILDREN_LABEL, None) is not None
            answers.append(
                self._answer(domain, likeness[i : i + 1], shares[i], near[i], learned, denied)
            )
        return answers

    def learn(self, text: str, entry: TagEntry, kind: str = "host") -> None:
        """Learn a text whose tags are known, by exact knowledge or by an editor."""
        if entry.infrastructure or not text.strip():
            return
        domain = self._domain(kind)
        cut = text[:MAX_TEXT_CHARS]
        vector = self._matcher.embed([cut])
        known = {interest for interest, _ in entry.told}
        children = entry.audience == CHILDREN
        likeness = self._matcher.likeness(vector)
        for interest, _ in self._described(
            domain, likeness, domain.subjects.field.shares(likeness)[0]
        ):
            if self._tree.is_sensitive(interest):
                right = self._tree.reveals_minor(interest) if children else not known
            else:
                right = self._confirmed(interest, known)
            domain.asserted[interest] = domain.asserted.get(interest, 0.0) + 1.0
            domain.right[interest] = domain.right.get(interest, 0.0) + float(right)
        silent = {_CHILDREN_LABEL} if children else {_SENSITIVE_LABEL}
        domain.learner.learn(vector[0], cut, known or silent)

    def learned(self, kind: str = "host") -> int:
        """Number of known texts learned for a kind."""
        return self._domain(kind).learner.learned

    def _domain(self, kind: str) -> _Domain:
        return self._programmes if kind in ("programme", "channel") else self._pages

    def _answer(
        self,
        domain: _Domain,
        likeness: NDArray[np.float32],
        shares: NDArray[np.float64],
        near: float,
        learned: Mapping[str, float],
        denied: bool,
    ) -> TextAnswer:
        best = int(np.argmax(shares))
        subject, share = self._tree.ids[int(domain.subjects.field.nodes[best])], float(shares[best])
        tags = dict(learned)
        described = False
        for interest, chance in self._described(domain, likeness, shares):
            trusted = chance * domain.trust(interest)
            if trusted < ABSTAIN or domain.learner.knows(interest):
                continue
            if self._tree.is_sensitive(interest):
                return TextAnswer((), True, "text:described", subject, share)
            if interest not in tags:
                tags[interest] = trusted
                described = True
        if denied:
            return TextAnswer((), True, "text:learned", subject, share)
        if not learned and near >= (1.0 if tags else 1.0 / NEAR):
            return TextAnswer((), True, "text:described", subject, share)
        if near >= 1.0:  # what was learned was learned from texts like this one
            tags = dict(learned)
            described = False
        told = admissible((interest, round(chance, 3)) for interest, chance in tags.items())
        sources = ["text:described"] * described + ["text:learned"] * bool(learned)
        return TextAnswer(
            told[:MAX_ANSWERS], False, "+".join(sources) if told else "", subject, share
        )

    def _described(
        self, domain: _Domain, likeness: NDArray[np.float32], shares: NDArray[np.float64]
    ) -> list[Tag]:
        """What the descriptions assert: likely subjects, and tier 2 of a clear tier 1.

        A harmless subject whose likeliest part is sensitive (food, but wine) is that part.
        """
        found: list[Tag] = []
        for k in np.flatnonzero(shares >= ABSTAIN).tolist():
            node, share = int(domain.subjects.field.nodes[k]), float(shares[k])
            below = self._matcher.below.get(node)
            if below is not None and not self._tree.sensitive[node]:
                inner = below.shares(likeness)[0]
                best = int(np.argmax(inner))
                child, part = int(below.nodes[best]), float(inner[best])
                if self._tree.sensitive[child]:
                    found.append((self._tree.ids[child], share))
                    continue
                if child != node and part >= ABSTAIN_BELOW:
                    found.append((self._tree.ids[child], share * part))
            found.append((self._tree.ids[node], share))
        return found

    def _confirmed(self, interest: str, known: Iterable[str]) -> bool:
        """Whether a known tag is this interest or below it."""
        index = self._tree.index(interest)
        return any(
            name in self._tree
            and (name == interest or index in self._tree.ancestors(self._tree.index(name)))
            for name in known
        )
