"""Runs one partition: takes its sequence of records, gives changed profiles and state.

The sequence alone decides: however it is cut into batches, wherever it is stopped and restored,
the same state and the same model come out. That rests on three rules. A day closes at a place
in the sequence (event-time watermark), not at a time. Between two closes the model and the
population stand still, and pending profiles are written before a close. Models learn rows in
the order in which subjects first appeared.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from features import checkpoint
from features.changes import Changes, ProfileRecord
from features.config import Config
from features.figures import Figures, Totals, figures_of, totals_of
from features.models import Learner, exchange
from features.models.adoption import Adoption, Adoptions
from features.models.worth import Outcomes
from features.privacy import accounts
from features.privacy.declared import Declared
from features.privacy.notes import Notes
from features.profiles.writer import Pending, ProfileWriter
from features.records.batch import Batch
from features.records.facts import SharedPart
from features.records.position import Position
from features.records.telling import texts_in
from features.related.graph import Related
from features.state import layout as lay
from features.state import sweep_kernel
from features.state.changelog_keys import IncompatibleState, Owner, subject
from features.state.contents import Contents
from features.state.folded_changelog import FoldedChangelog
from features.state.store import Store
from features.tags.taxonomy import Taxonomy

#: What decoders raise on bytes that nobody wrote.
_DAMAGE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
_ANY = 2**62  # persons: no limit
_MOST_DAYS = 64  # a longer gap in event time closes only so many days, the rest is silence


class Engine:
    """Folds a partition's sequence.

    Parameters
    ----------
    config : Config
    taxonomy : Taxonomy
    contents : Contents
        Shared by the engines of a worker.
    """

    def __init__(self, config: Config, taxonomy: Taxonomy, contents: Contents) -> None:
        self.config = config
        self.contents = contents
        self.store = Store(config.clock(), config.dedup_max_ids, config.attributing(taxonomy))
        self.accounts = accounts.Accounts(
            self.store,
            taxonomy,
            config.consent_default_grant,
            config,
            config.rules,
            config.erasure_key,
        )
        self._declared = Declared(self.store, taxonomy, self.accounts.ledger)
        self.learner = Learner(len(taxonomy), shared=config.shared_model)
        self.adoptions = Adoptions(self.learner.pool)
        self.outcomes = Outcomes(taxonomy.parent)
        self.related = Related(taxonomy)
        self.days_closed = 0
        self._restored = self.totals()
        self._checkpoint = checkpoint.Checkpoint(config, taxonomy)
        self._writer = ProfileWriter(
            taxonomy,
            config.profile_interests,
            config.publish_score_step,
            config.publish_max_age_days,
            config.inputs,
            config.profile_common,
            config.rules.ending_with_trip,
        )
        self._pending = Pending()
        self._model_changed = False
        self._gives = False  # a day closed whose lessons no commit has written
        self._room = 0  # persons that may still be changed before `advance` stops
        #: What the fold stops for; each handler returns the outcome of that event, or `PENDING`.
        self._handlers: dict[int, Callable[[Batch, int], int]] = {
            lay.NEED_CLOSE: self._close_days,
            lay.NEED_FACT: self._take_fact,
            lay.NEED_ACCOUNT: self._admit,
            lay.NEED_DUE: self._expire,
            lay.NEED_FLAGS: self._flag_fresh,
            lay.NEED_PERSON: self._admit_person,
            lay.NEED_TAG: self._resolve,
        }
        self._renew_policy()

    # -- in ------------------------------------------------------------------------------

    def apply(self, batch: Batch) -> NDArray[np.uint8]:
        """Fold the next records of the sequence.

        Returns
        -------
        ndarray of uint8, shape (len(batch),)
            What became of each: `features.vocabulary.Outcome`.
        """
        outcome = np.zeros(len(batch), np.uint8)
        at = 0
        while at < len(batch):
            at = self.advance(batch, at, outcome, _ANY)
        return outcome

    def advance(self, batch: Batch, at: int, outcome: NDArray[np.uint8], most: int) -> int:
        """Fold a batch from index `at` on, until about `most` persons were changed by facts.

        Facts come to act when they are read and when they end. Where it stops in between, nobody
        else's turn comes first in the partition's sequence: the result is that of `apply`, however
        often it is called, but only when the whole batch is done is it that of a place in the log.

        Returns
        -------
        int
            Index to go on from; ``len(batch)`` when all is done.
        """
        self._room = most
        while self._room > 0:
            why, at = self.store.apply(batch, at, outcome, self.contents.map)
            if why == lay.DONE:
                break
            what = self._handlers[why](batch, at)
            if what != lay.PENDING:
                outcome[at] = what
                self.store.totals[what] += 1
        self._let_go()
        return at

    def _take_fact(self, batch: Batch, at: int) -> int:
        self._room -= 1
        fact = batch.fact(at)
        if isinstance(fact.said, SharedPart):
            self.adoptions.offer(fact.said, self.watermark)
            self.accounts.standing.wake(self.adoptions.place)
        judged = self._declared.judged(fact, self._policy)
        what = self.accounts.apply(fact, self.store.now)
        if judged is not None and what == lay.FACT:
            self.learner.verdicts.add(*judged)
        return self._expire(batch, at) if what == lay.PENDING else what

    def _admit(self, batch: Batch, at: int) -> int:
        return self.accounts.admit(batch.text(at, "account"), self.store.now)

    def _admit_person(self, batch: Batch, at: int) -> int:
        device = json.loads(batch.raw(at)).get("device_id") or ""
        self.accounts.admit_person(
            batch.text(at, "account"), batch.text(at, "member"), device.encode(), self.store.now
        )
        return lay.PENDING

    def _resolve(self, batch: Batch, at: int) -> int:
        self.contents.resolve(batch, self.store.unresolved(batch, at, self.contents.map))
        return lay.PENDING

    def _expire(self, batch: Batch, at: int) -> int:
        for adoption in self.adoptions.passed(self.watermark):
            self.adopt(adoption)
        self.accounts.standing.wake(self.adoptions.place)
        self._room -= self.accounts.expire(self.store.now, self._room)
        return lay.PENDING

    def _flag_fresh(self, batch: Batch, at: int) -> int:
        for sid in self.store.screens.take_fresh():
            self.accounts.standing.rows.fresh(sid, self.store.now)
        return lay.PENDING

    @property
    def watermark(self) -> int:
        """Event time up to which the sequence is complete, ms; late events lie before it."""
        return int(self.store.counters["max_ts"]) - self.config.lateness_ms

    def _close_days(self, batch: Batch, at: int) -> int:
        c = self.store.counters
        target, first = int(c["target_day"]), int(c["open_day"])
        if first < 0:
            c["open_day"] = target
            self.store.screens.close_day(target)
            return lay.PENDING
        self._write_pending()
        for day in range(first, min(target, first + _MOST_DAYS)):
            self.learner.close_day(self.store, day, self.config.learn_rows_per_close)
            self._let_go()
            self.related.close_day(self.store, day)
            c["open_day"] = day + 1
            self._sweep()
            self.days_closed += 1
        c["open_day"] = target
        self.store.screens.close_day(target)
        self.outcomes.learn(self.accounts.standing.spoken.followed.ended(first, target))
        self._model_changed = self._gives = True
        self._renew_policy()
        return lay.PENDING

    def adopt(self, adoption: Adoption) -> None:
        """Go on from a model of all partitions."""
        self._write_pending()  # what is written by now was scored by the model of now
        if self.learner.pool is not None and adoption.happen(self.learner.pool):
            self._model_changed = True
            self._renew_policy()

    def _let_go(self) -> None:
        """Take who left out of what goes together; anywhere before the next close is the same."""
        self._model_changed |= self.related.forget(self.accounts.standing.left)
        self.accounts.standing.left.clear()

    def _sweep(self) -> None:
        store = self.store
        silent = np.empty(int(store.counters["subjects"]), np.int32)
        n = sweep_kernel.sweep(
            store.live, self.config.row_epsilon, self.config.retention_days, silent
        )
        for sid in silent[:n].tolist():
            self.accounts.standing.forget(sid)

    def _renew_policy(self) -> None:
        self._policy = self.learner.policy()
        rules = self.config.rules
        if (uplift := rules.contact.uplift) is not None:
            worth = self.outcomes.worth(*uplift, rules.holdouts.salt)
            self._policy = self._policy._replace(worth=worth)
        champion = self.learner.champion
        self._writer.name_model(champion.id, champion.version)

    def _write_pending(self) -> None:
        for sid in self.accounts.standing.dropped:
            self._pending.drop(sid)
        self.accounts.standing.dropped.clear()
        sids = self.store.dirty(lay.D_PROFILE)
        self._pending.put(self._writer.write(self.store, sids, self._policy, self._notes()))
        self.store.clear(lay.D_PROFILE)

    def _notes(self) -> Callable[[NDArray[np.int32]], list[Notes]] | None:
        """What gives the rights of subjects, None where there is nothing to say of anybody."""
        standing = self.accounts.standing
        return standing.notes if standing.noted else None

    @property
    def next_end(self) -> int:
        """Event time at which the next thing ends that is limited in time, ms."""
        return self.accounts.standing.ends.next()

    @property
    def unsaid(self) -> bool:
        """Whether the state changed without a record: only a commit that a tick makes says it."""
        return self.accounts.has_changed

    def refuse(self, count: int) -> None:
        """Count records that the decoder refused."""
        self.store.totals[lay.MALFORMED] += count

    def may_keep(self, account: bytes, raw: bytes) -> bool:
        """Whether the bytes of a refused record may be kept: nobody in it is barred now."""
        if not self.may_hold(account):
            return False
        return self.accounts.standing.admission.may_keep(account, texts_in(raw), self.store.now)

    def may_hold(self, account: bytes) -> bool:
        """Whether profiling of an account is allowed now, so that something of it may be kept."""
        sid = self.store.find(account) if account else -1
        if sid < 0:
            return False
        subject = self.store.subjects[sid]
        lasts = int(subject["consent_until"]) > max(self.store.now, 0)
        return lasts and not subject["status"] & np.uint8(lay.S_GONE)

    # -- out -----------------------------------------------------------------------------

    def collect(self, offsets: Mapping[str, Position]) -> Changes:
        """Everything that changed since the last call; the caller commits it or restores.

        Parameters
        ----------
        offsets : mapping of str to (int, int)
            Per input topic the next offset and the running time there, stored with the state
            they belong to.
        """
        self._write_pending()
        store, changes = self.store, Changes()
        changes.receipts, self.accounts.receipts = self.accounts.receipts, []
        changes.tolerated, self.accounts.tolerated = self.accounts.tolerated, Counter()
        changes.evicted, self.accounts.evicted = self.accounts.evicted, Counter()
        spoken = self.accounts.standing.spoken
        changes.contacted, spoken.news = spoken.news, Counter()
        for key, published in self.accounts.standing.forgotten():
            changes.state[subject(key)] = None
            if published:
                changes.profiles.append(self._tombstone(key))
        gone = {item.key for item in changes.profiles}
        changes.profiles += [
            self._tombstone(key) for key in self.accounts.strays.take_found() if key not in gone
        ]
        changes.offers += changes.profiles
        profiles, offers = self._pending.take(store)
        changes.profiles += map(ProfileRecord._make, profiles)
        changes.offers += map(ProfileRecord._make, offers)
        self._checkpoint.write(changes.state, store, self.accounts, offsets)
        verdicts = self.learner.verdicts
        if self._model_changed:
            for part in (self.learner, self.related, self.outcomes):
                changes.state.update(part.snapshot())
            self._model_changed = False
        elif verdicts.news:
            changes.state.update(verdicts.snapshot())
        changes.answered, verdicts.news = verdicts.news, Counter()
        if self._gives and self.learner.pool:
            changes.lesson = exchange.contribution(self.learner.pool)
        self._gives = False
        store.clear(lay.D_STATE)
        store.compact()
        return changes

    def load(self, records: FoldedChangelog | Iterable[tuple[bytes, bytes]]) -> dict[str, Position]:
        """Load a folded changelog into a new engine.

        Parameters
        ----------
        records : FoldedChangelog or iterable of (bytes, bytes)
            The latest value of each key that was not deleted.

        Returns
        -------
        dict of str to (int, int)
            Offset and running time per input topic, empty for an empty changelog.

        Raises
        ------
        features.state.changelog_keys.IncompatibleState
            Where the changelog was written under other settings or by another format.
        """
        folded = records if isinstance(records, FoldedChangelog) else FoldedChangelog.of(records)
        try:
            offsets = self._checkpoint.load(
                folded, self.store, self.accounts, (self.learner, self.related, self.outcomes)
            )
        except _DAMAGE as error:  # its text may hold what is known about somebody
            raise IncompatibleState(
                f"a record of the changelog is damaged ({type(error).__name__}): bring it back, "
                "or begin anew with `interest-streams state reset`"
            ) from None
        self.count_from_here()
        self._renew_policy()
        return offsets

    @property
    def owner(self) -> Owner | None:
        """Name whose the changelog is; what is set goes into it with the next commit."""
        return self._checkpoint.owner

    @owner.setter
    def owner(self, owner: Owner) -> None:
        self._checkpoint.owner = owner

    def count_from_here(self) -> None:
        """Let what is reported of totals begin now, as it does after a restore."""
        self.days_closed = 0
        self._restored = self.totals()

    def _tombstone(self, key: bytes) -> ProfileRecord:
        return ProfileRecord(key, None, 0, int(self.store.counters["max_ts"]))

    # -- figures and look-ups ------------------------------------------------------------

    def totals(self) -> Totals:
        """Counts of all records of the partition so far, by outcome."""
        return totals_of(self.store, self.learner, self.config.inputs, self.days_closed)

    def figures(self) -> Figures:
        """Totals, sizes and model quality; each piece of the models' news is given once."""
        return figures_of(self.store, self.learner, self.totals(), self._restored)

    def profile(self, key: bytes) -> bytes | None:
        """The profile as it would be published now, for tests and look-ups; None if unknown."""
        account, _, member = key.partition(b"/")
        sid = self.store.find(account, member)
        if sid < 0 or not self.store.subjects["used"][sid]:
            return None
        s, rows = self.store.subjects, self.store.rows
        own = slice(int(s["start"][sid]), int(s["start"][sid]) + int(s["used"][sid]))
        held = s["digest"][sid], s["published"][sid], rows.shown[own].copy()
        s["published"][sid] = 0
        only = np.array([sid], np.int32)
        written = self._writer.write(self.store, only, self._policy, self._notes())
        s["digest"][sid], s["published"][sid], rows.shown[own] = held
        return written[sid].profile if sid in written else None
