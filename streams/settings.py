"""Reads the settings of a worker: one frozen type, read once, its relations asserted.

Order of precedence: environment over file over defaults. ``INTEREST_STREAMS_<NAME>`` sets a
field; ``INTEREST_STREAMS_<NAME>_FILE`` reads it from a file (secrets). Keys of librdkafka pass
through from the table ``[kafka]`` of the file or from ``INTEREST_STREAMS_KAFKA__<KEY>`` (dots
written as underscores); those that would break exactly-once are refused by name.
"""

from __future__ import annotations

import dataclasses
import os
import socket
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from features.config import EngineSettings
from streams.kafka_keys import SHOWN_KAFKA_KEYS
from streams.setting_rules import SettingsError as SettingsError
from streams.setting_rules import check

PREFIX = "INTEREST_STREAMS_"


@dataclass(frozen=True)
class Settings(EngineSettings):
    """Settings of a deployment. Times in milliseconds unless the name has another unit.

    The comment of a field is its meaning in the table of ``deploy/README.md``.
    """

    # -- where
    bootstrap_servers: str = "localhost:9092"  # Kafka's, separated by commas
    #: Consumer group; begins the transactional id, too. Both begin with `topic_prefix`
    group_id: str = "interest-streams"
    #: `classic`, or `consumer`: assignment by the brokers (KIP-848)
    group_protocol: str = "classic"
    #: Unique per worker, stable across restarts: its transactional id. Empty: the host name
    instance_id: str = ""
    topic_prefix: str = ""  # put before the name of every topic
    tenant: str = ""  # whose deployment this is: a label of every metric; empty: no label
    partitions: int = 12  # of topics that `topics` creates; a worker reads the real count
    replication: int = 3  # of topics that `topics` creates
    http_host: str = "0.0.0.0"  # where `/livez`, `/readyz` and `/metrics` listen
    http_port: int = 8080  # 0: no HTTP server
    log_level: str = "INFO"  # as Python's `logging` names it
    log_format: str = "text"  # `text`, or `json`: one object a line, with instance and fields
    #: More keys for librdkafka
    kafka: Mapping[str, str] = field(default_factory=dict, repr=False)

    # -- the loop
    poll_events: int = 10_000  # most records taken by one poll
    poll_timeout_ms: int = 100  # longest wait of one poll
    #: Take records from librdkafka's queue, without an object of Python for each, if it can be
    native_fetch: bool = True
    #: Most persons that one turn of all partitions changes because of facts or their ends; the rest
    #: waits for the next turn
    turn_persons: int = 2_000
    commit_interval_ms: int = 300  # a transaction ends after so long, or at `commit_events`
    catch_up_interval_ms: int = 3_000  # the interval while the records taken are older than it
    commit_events: int = 400_000  # a transaction is closed early at this many input records
    transaction_timeout_ms: int = 30_000  # the broker aborts a transaction open for longer
    call_deadline_ms: int = 20_000  # all Kafka calls of a commit
    revoke_deadline_ms: int = 25_000  # everything inside one rebalance callback
    watchdog_ms: int = 60_000  # the process ends if one Kafka call outlives this
    session_timeout_ms: int = 10_000  # a worker silent for longer loses its partitions
    max_poll_interval_ms: int = 300_000  # one that did not poll for longer loses them, too
    restore_timeout_ms: int = 600_000  # longest restore; a partition is given up beyond it
    standby: bool = False  # hold a warm copy of every partition that another worker owns
    #: Patience with an input that neither sends nor is at its end, before the others go on
    merge_wait_ms: int = 30_000
    #: Least time between two ticks in a partition: what ends in a silent one is acted on within it;
    #: 0: nothing ends in a silent partition until a record comes
    tick_interval_ms: int = 60_000
    #: Least time between two looks at what stands published of a partition; there is one when its
    #: state begins and one after erasures
    sweep_interval_ms: int = 900_000
    #: Longest wait for partitions in which a day does not close, before what the others learned of
    #: it is merged without them (`shared_model`)
    shared_model_wait_ms: int = 900_000
    held_events: int = 200_000  # hold-back per input partition before it is paused

    # -- what is taken
    #: Of all producers of the inputs: `murmur2`, `consistent`, or `any`, which is not checked
    partitioner: str = "murmur2"
    max_message_bytes: int = 65_536  # longer records are refused
    future_tolerance_ms: int = 600_000  # events further ahead of their arrival are dead-lettered
    #: Share of refused records above which an input halts, over `dead_letter_window` records
    dead_letter_max_ratio: float = 0.5
    dead_letter_window: int = 10_000  # latest records of an input partition
    dead_letter_max_run: int = 1_000  # consecutive refused records of one input partition
    #: Public key of X25519, in PEM: what a dead letter may not show is sealed for who has the other
    #: half. Empty: it is withheld
    dead_letter_key: str = ""
    input_retry_ms: int = 600_000  # until what halted or was given up is tried again
    #: Stop the worker where only an input would halt, a partition be given up, or a broker awaited
    strict_limits: bool = False
    #: `deny`: nothing is processed without consent; `grant`, where it is enforced upstream
    consent_default: str = "deny"
    #: TOML file of what follows from facts: purposes, quiet days, children. Empty: the bundled one
    suppression_rules: str = ""
    #: Join the topic `outcomes`: who was spoken to, and what came of it. Of all workers together
    outcomes: bool = False
    #: TOML file of whom to leave alone after having spoken to them. Empty: the bundled one
    contact_policy: str = ""
    #: Share of accounts that are never to be spoken to, so that effects are known
    holdout_share: float = 0.0
    holdout_interest_share: float = 0.0  # the same of each interest, by a draw of its own
    #: Secret of the draws: another is another draw; at least 16 characters where a share is not 0
    holdout_key: str = field(default="", repr=False)
    #: Forms of ids of persons and devices: uuid, hex32, made, word, digits; or re: and a pattern
    pseudonym_form: str = "uuid|hex32|word"
    pseudonym_min_bits: float = 0.0  # a form whose shortest ids have fewer is refused
    #: Secret of the marks that outlive an erasure and of hashed ids
    erasure_key: str = field(default="", repr=False)
    #: What `erasure_key` was before, by commas, oldest first; `none`: there was no key
    erasure_keys_before: str = field(default="", repr=False)

    # -- windows
    half_lives_days: tuple[float, float, float] = (1.0, 7.0, 60.0)  # of the decayed levels
    day_offset_min: int = 0  # the operator's local day, minutes east of UTC

    # -- audiences
    #: households below which nothing is said, nor a change by fewer; counts are multiples of it
    audience_k: int = 20
    audience_interval_ms: int = 60_000  # between looks at what has to be withdrawn at once
    audience_release_ms: int = 86_400_000  # least time between two releases of counts
    audience_noise: bool = True  # calibrated noise on every count; off: exact, then rounded down
    #: privacy budget of a household for any 30 days (delta 1e-6); smaller: more noise
    audience_epsilon: float = 4.0
    #: most cells that a household is counted in: a third of them interests; fewer: less noise
    audience_contribution: int = 12

    # -- look-ups
    lookup_port: int = 8090  # where the look-up service and its page listen
    #: JWKS file with the public keys of whoever signs tokens for look-ups
    lookup_jwks: str = ""
    lookup_audience: str = "interest-streams"  # `aud` of those tokens
    lookup_issuer: str = ""  # `iss` of those tokens; empty: not compared
    lookup_rate: float = 200.0  # subjects that one caller may look up a second
    #: File that keeps what a look-up service held, so that it starts quickly; personal data
    lookup_snapshot: str = ""
    #: File that `policy report --out` writes: what contacts brought, for the page and metrics
    lookup_report: str = ""
    #: Addresses of all look-up instances, separated by commas, where each has a part of them
    lookup_shards: str = ""
    lookup_shard: int = 0  # number of this instance among them, from 0

    def __post_init__(self) -> None:
        check(self)

    @property
    def instance(self) -> str:
        """Name of this worker, unique in its group."""
        return self.instance_id or socket.gethostname()

    @property
    def group(self) -> str:
        """Name of the consumer group: another prefix is another deployment, so another group."""
        begins = self.group_id.startswith(self.topic_prefix)
        return self.group_id if begins else self.topic_prefix + self.group_id

    @property
    def lookup_addresses(self) -> tuple[str, ...]:
        """Addresses of the look-up instances that share the accounts; none: each has all."""
        given = (address.strip().rstrip("/") for address in self.lookup_shards.split(","))
        return tuple(address for address in given if address)

    @property
    def secret(self) -> bytes | tuple[bytes, ...]:
        """Secret of keyed hashes: `erasure_key`, behind what it was before."""
        before = [key.strip() for key in self.erasure_keys_before.split(",") if key.strip()]
        keys = ["" if key == "none" else key for key in before]
        newest = self.erasure_key.encode()
        return (*(key.encode() for key in keys), newest) if keys else newest

    def topic(self, name: str) -> str:
        """Name of a topic of `streams.contract.topics` in this deployment."""
        return self.topic_prefix + name


def load(path: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read settings from the environment, a TOML file and the defaults, in that order.

    Raises
    ------
    SettingsError
        Naming the setting, its place (file or variable) and what it takes.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    kafka: dict[str, str] = {}
    if path is not None:
        _from_file(Path(path), values, kafka)
    _from_environ(environ, values, kafka)
    return Settings(**values, kafka=kafka)


_FIELDS = {f.name: f for f in dataclasses.fields(Settings) if f.name != "kafka"}


def _from_file(path: Path, values: dict[str, Any], kafka: dict[str, str]) -> None:
    try:
        table = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from None
    for name, value in table.items():
        if name == "kafka" and isinstance(value, dict):
            kafka.update({key: str(item) for key, item in value.items()})
        else:
            values[name] = _convert(name, value, str(path))


def _from_environ(
    environ: Mapping[str, str], values: dict[str, Any], kafka: dict[str, str]
) -> None:
    for variable, text in sorted(environ.items()):
        if not variable.startswith(PREFIX):
            continue
        name = variable[len(PREFIX) :]
        if name.endswith("_FILE"):
            name = name[: -len("_FILE")]
            try:
                text = Path(text).read_text().strip()
            except OSError as error:
                raise SettingsError(f"{variable}: {error}") from None
        if name.startswith("KAFKA__"):
            kafka[name[len("KAFKA__") :].lower().replace("_", ".")] = text
        else:
            values[name.lower()] = _convert(name.lower(), text, variable)


def _convert(name: str, value: Any, place: str) -> Any:
    if name not in _FIELDS:
        raise SettingsError(f"{place}: unknown setting {name!r}")
    default = _FIELDS[name].default
    try:
        if isinstance(default, tuple):
            items = value.split(",") if isinstance(value, str) else value
            return tuple(float(item) for item in items)
        if isinstance(default, bool):
            return {"true": True, "false": False}[str(value).lower()]
        if isinstance(value, bool) or (isinstance(value, float) and isinstance(default, int)):
            raise ValueError
        return cast(Any, type(default))(value)
    except (KeyError, TypeError, ValueError):
        raise SettingsError(
            f"{place}: {name} = {value!r}: expected {type(default).__name__}"
        ) from None


def redacted(settings: Settings) -> dict[str, Any]:
    """Effective settings for people, with ``***`` in place of secrets.

    Secrets are the fields without a repr, and values of librdkafka beyond `SHOWN_KAFKA_KEYS`.
    """
    shown = {
        item.name: value if item.repr or not value else "***"
        for item in dataclasses.fields(settings)
        for value in [getattr(settings, item.name)]
    }
    shown["kafka"] = {
        key: value if key in SHOWN_KAFKA_KEYS else "***" for key, value in settings.kafka.items()
    }
    return shown
