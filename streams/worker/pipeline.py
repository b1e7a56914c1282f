"""Runs engines and commits on two background threads, in the order in which work was handed over.

The loop polls, decodes and merges the next records meanwhile. It hands over a turn's records and,
when a commit is due, a cut: the offsets up to which it has handed over. While that commit is on
its way, the engines go on. Whatever fails here, the loop throws everything away and begins anew
from the last commit that succeeded; so nothing needs to be undone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from confluent_kafka import Consumer, TopicPartition
from numpy.typing import NDArray

from features.engine import Engine
from features.figures import Figures
from features.records.batch import Batch
from features.records.dead_letter import DeadLetter
from features.records.telling import names_somebody
from features.state.contents import Contents
from features.vocabulary import Outcome, Refusal
from streams import metrics
from streams.contract.topics import DEAD_LETTERS, joined_topics
from streams.errors import Abandon
from streams.kafka.executor import Job
from streams.kafka.ports import Ports
from streams.settings import Settings
from streams.worker.binding import committed_note
from streams.worker.dead_letters import tells_who, withheld
from streams.worker.outlet import Commit, Outlet
from streams.worker.partition import Cut, Partition, Turn
from streams.worker.reporting import Report
from streams.worker.sealing import seal_of
from streams.worker.tag_feed import TagFeed
from streams.worker.tracing import Trace, tracing
from streams.worker.untagged import Untagged
from streams.worker.wiring import input_limits

_LEAST_TURN = 500  # records
_TURN_S = 0.5


class Pipeline:
    """Runs engines on one background thread, and their commits on another.

    Attributes
    ----------
    outlet : Outlet or None
        None: what is in memory can't be trusted.
    succeeded : int
        Commits that succeeded.
    turn_size : int
        Records that a turn may have, so that it does not take long. What facts change is bounded
        beside it (``turn_persons``): ten thousand events take a twentieth of a second, ten
        thousand withdrawals or consents that end some seconds, and other partitions would wait.
    """

    def __init__(
        self, settings: Settings, contents: Contents, report: Report, ports: Ports
    ) -> None:
        self._settings = settings
        self._ports = ports
        self._contents = contents
        self._secret = settings.erasure_key.encode()
        self._accepts = input_limits(settings).ids.accepts
        self._seal = seal_of(settings)
        self._dead = settings.topic(DEAD_LETTERS)
        self._topics = [settings.topic(name) for name in joined_topics(settings)]
        self._untagged = Untagged(settings, contents.knows, ports)
        self._report = report
        self._computing = ports.executor()
        self._sending = ports.executor()
        self._trace = tracing(settings)  # of the next commit
        self._given = 0  # commits
        self.outlet: Outlet | None = None
        self.succeeded = 0
        self.turn_size = settings.poll_events

    def load(self) -> None:
        """Read the content tags, and the published list of contents without tags."""
        self._tags = TagFeed(self._settings, self._contents, self._ports)
        self._tags.load()
        self._untagged.load()

    @property
    def committing(self) -> bool:
        """Whether a commit was submitted whose outcome is open."""
        return self._given > self.succeeded

    def turn(self, released: Sequence[tuple[Partition, Engine, Batch]]) -> None:
        """Submit the records of one turn of the loop.

        Raises
        ------
        Abandon, Stop
            What was given before failed; so do the other calls but `discard`.
        """
        self._computing.put(partial(self._turn, released))

    def commit(
        self,
        cuts: Sequence[Cut],
        engines: Mapping[int, Engine],
        consumer: Consumer,
        deadline: float | None = None,
    ) -> None:
        """Submit a commit of all that was submitted before it.

        Parameters
        ----------
        consumer : Consumer
            Its membership of now: when the commit's turn comes, it may be another.
        deadline : float, optional
            Monotonic seconds by which it must be done; else one call's time from its start.
        """
        self._given += 1
        self._computing.put(
            partial(
                self._collect, cuts, dict(engines), consumer.consumer_group_metadata(), deadline
            )
        )

    def listen(self) -> None:
        """Let the producer say what it has to, unless it is at work."""
        if self.outlet is not None and not self.committing:
            self.outlet.listen()

    def run(self, job: Job) -> None:
        """Submit a job that touches engines."""
        self._computing.put(job)

    def check(self) -> None:
        """Raise what failed meanwhile; never waits."""
        self._computing.check()
        self._sending.check()

    def settle(self) -> None:
        """Wait until all that was submitted is done."""
        self._computing.settle()
        self._sending.settle()

    def discard(self) -> None:
        """Discard the producer, waiting jobs and errors."""
        self._computing.drop()
        self._sending.drop()
        self._trace.end({}, "abandoned")
        self._given = self.succeeded
        if self.outlet is not None:
            self.outlet.drop()
        self.outlet = None

    # -- in the executors --------------------------------------------------------------------

    def _turn(self, released: Sequence[tuple[Partition, Engine, Batch]]) -> None:
        self._tags.follow()
        begun, count = self._ports.monotonic(), 0
        for part, _, batch in released:
            if len(batch):
                part.turns.append(Turn(batch, np.zeros(len(batch), np.uint8)))
        open_ = [(part, engine) for part, engine, _ in released if part.turns]
        most = max(1, self._settings.turn_persons // max(1, len(open_)))
        if open_:
            with self._trace.step("fold") as told:
                for part, engine in open_:
                    count += self._advance(part, engine, most)
                told |= {"partitions": len(open_), "records": count}
        if count >= _LEAST_TURN:  # of fewer, what each turn costs would count for them
            took = max(1e-3, self._ports.monotonic() - begun)
            self.turn_size = max(_LEAST_TURN, int(_TURN_S * count / took))
        self._untagged.publish()

    def _advance(self, part: Partition, engine: Engine, most: int) -> int:
        """Fold the next records of a partition as `Engine.advance` does; returns how many."""
        if part.broken is not None:
            return 0
        turn = part.turns[0]
        first = turn.at
        try:
            with metrics.LOOP_SECONDS.time():
                turn.at = engine.advance(turn.batch, first, turn.outcome, most)
        except Exception as error:  # the loop looks for it; the others go on
            part.broken = error
            return 0
        batch = Batch(turn.batch.records[first : turn.at], turn.batch.blob)
        outcome = turn.outcome[first : turn.at]
        if turn.at == len(turn.batch):
            part.turns.popleft()
        part.outcomes += self._by_input(batch, outcome)
        in_profiles = (outcome == Outcome.COUNTED) | (outcome == Outcome.FACT)
        part.arrivals.append(batch.records["arrival"][in_profiles])
        self._untagged.add(batch, outcome)
        for i in np.flatnonzero(outcome == Outcome.LATE).tolist():
            row = batch.records[i]
            part.late.append(
                DeadLetter(
                    Refusal.LATE,
                    "ts",
                    f"older than the watermark {engine.watermark}",
                    self._topics[int(row["kind"])],
                    int(row["partition"]),
                    int(row["offset"]),
                    batch.text(i, "account"),
                    batch.raw(i),
                )
            )
        return len(batch)

    def _finish(self, part: Partition, engine: Engine, deadline: float) -> None:
        """Fold all that was released to a partition, for it is about to go."""
        while part.turns and part.broken is None:
            if self._ports.monotonic() > deadline:
                raise Abandon("the partitions went in the midst of a turn")
            self._advance(part, engine, self._settings.turn_persons)

    def _by_input(self, batch: Batch, outcome: NDArray[np.uint8]) -> Counter[tuple[str, str]]:
        width = len(Outcome)
        found = np.bincount(batch.records["kind"] * np.uint8(width) + outcome).tolist()
        return Counter(
            {
                (self._topics[code // width], Outcome(code % width).word): count
                for code, count in enumerate(found)
                if count
            }
        )

    def _collect(
        self,
        cuts: Sequence[Cut],
        engines: Mapping[int, Engine],
        member: Any,
        deadline: float | None,
    ) -> None:
        self._untagged.keep(engines)
        trace, self._trace = self._trace, self._trace.next()
        with trace.step("collect") as told:
            commit = self._collected(cuts, engines, deadline)
            told |= {"partitions": len(commit.changes), "refused": len(commit.refused)}
        if not commit.offsets:
            trace.end({})
            self._sending.put(self._nothing)
            return
        # Taken now, for the engines go on while their commit is on its way.
        figures = {partition: engine.figures() for partition, engine in engines.items()}
        self._sending.put(partial(self._commit, commit, figures, member, deadline, trace))

    def _collected(
        self, cuts: Sequence[Cut], engines: Mapping[int, Engine], deadline: float | None
    ) -> Commit:
        commit = Commit()
        if self._seal is not None:
            self._seal.begin()
        for cut in cuts:
            engine = engines[cut.partition]
            if deadline is not None:
                self._finish(cut.part, engine, deadline)
            if cut.part.broken is not None:
                continue
            cut.part.owed.append(cut)
            if cut.part.turns:
                continue  # amid what it does at one place of its sequence; the others go on
            cut, cut.part.owed = Cut.joined(cut.part.owed), []
            refused = [letter for letter in cut.refused if not letter.holds]  # the fold counts it
            engine.refuse(len(refused))
            try:
                changes = engine.collect(cut.positions)
                if self.outlet is not None:
                    self.outlet.measure(cut.partition, changes, cut.positions)
            except Exception as error:
                cut.part.broken = error
                continue
            commit.changes[cut.partition] = changes
            late, cut.part.late = cut.part.late, []
            commit.outcomes += cut.part.outcomes
            commit.outcomes.update((item.topic, "malformed") for item in refused)
            cut.part.outcomes = Counter()
            commit.arrivals += cut.part.arrivals
            cut.part.arrivals = []
            commit.refused += [self._kept(letter, engine) for letter in cut.refused + late]
            commit.astray += cut.astray
            commit.offsets += [
                TopicPartition(name, cut.partition, at.offset, committed_note(engine.owner, name))
                for name, at in cut.positions.items()
            ]
            commit.taken.update(cut.taken)
        return commit

    def _nothing(self) -> None:
        """Account for a commit of which nothing was left."""
        self.succeeded += 1

    def _kept(self, letter: DeadLetter, engine: Engine) -> DeadLetter:
        """A dead letter with its bytes only where all whom it names may be kept, by pseudonyms.

        Else they are sealed, if at all.
        """
        raw = letter.value or b""
        if (
            tells_who(letter)
            or not engine.may_keep(letter.key or b"", raw)
            or names_somebody(raw, self._accepts)
        ):
            kept = withheld(letter, self._secret)
            if self._seal is None or self.outlet is None:
                return kept
            return self._seal.added(kept, letter, self.outlet.sizes.of(self._dead))
        return letter

    def _commit(
        self,
        commit: Commit,
        found: Mapping[int, Figures],
        member: Any,
        deadline: float | None,
        trace: Trace,
    ) -> None:
        if self.outlet is None:
            raise Abandon("the former transaction failed")
        if deadline is None:
            deadline = self._ports.monotonic() + self._settings.call_deadline_ms / 1000.0
        with metrics.COMMIT_SECONDS.time(), trace.step("commit"):
            self.outlet.commit(commit, member, deadline)
        counts: Counter[str] = Counter()
        for (_, outcome), count in commit.outcomes.items():
            counts[outcome] += count
        trace.end(counts)
        self._report.committed(commit, found)
        self.succeeded += 1
