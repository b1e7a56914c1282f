"""Lists the keys of librdkafka that an operator must not set, and those that are no secret."""

from __future__ import annotations

#: librdkafka keys that a worker sets itself, with why an operator must not.
REFUSED_KAFKA_KEYS: dict[str, str] = {
    "enable.auto.commit": "offsets are committed inside the transaction",
    "enable.auto.offset.store": "offsets are committed inside the transaction",
    "isolation.level": "anything but read_committed shows aborted records",
    "enable.idempotence": "transactions need it on",
    "acks": "transactions need acks=all",
    "transactional.id": "derived from group_id and instance_id",
    "transaction.timeout.ms": "set transaction_timeout_ms instead",
    "partition.assignment.strategy": "co-partitioned inputs need range",
    "group.id": "set group_id instead",
    "group.instance.id": "what a worker that leaves owned would stand still until its session ends",
    "group.protocol": "set group_protocol instead",
    "group.remote.assignor": "co-partitioned inputs need range",
    "auto.offset.reset": "a lost offset stops the worker; reset is an explicit command",
    "bootstrap.servers": "set bootstrap_servers instead",
    "session.timeout.ms": "set session_timeout_ms instead",
    "max.poll.interval.ms": "set max_poll_interval_ms instead",
}

#: librdkafka keys whose values people may see. Any other may hold a secret, for no list of words
#: keeps up with the names that librdkafka gives to secrets.
SHOWN_KAFKA_KEYS = frozenset(
    """
    batch.num.messages batch.size broker.address.family client.dns.lookup client.id client.rack
    compression.codec compression.level compression.type connections.max.idle.ms debug
    enable.ssl.certificate.verification fetch.error.backoff.ms fetch.max.bytes
    fetch.message.max.bytes fetch.min.bytes fetch.queue.backoff.ms fetch.wait.max.ms
    heartbeat.interval.ms linger.ms log_level max.in.flight.requests.per.connection
    max.partition.fetch.bytes message.max.bytes message.timeout.ms metadata.max.age.ms
    queue.buffering.max.kbytes queue.buffering.max.messages queued.max.messages.kbytes
    queued.min.messages receive.message.max.bytes reconnect.backoff.max.ms reconnect.backoff.ms
    request.timeout.ms retries retry.backoff.max.ms retry.backoff.ms sasl.mechanism
    sasl.mechanisms security.protocol socket.connection.setup.timeout.ms socket.keepalive.enable
    socket.nagle.disable socket.receive.buffer.bytes socket.send.buffer.bytes socket.timeout.ms
    ssl.ca.location ssl.certificate.location ssl.cipher.suites
    ssl.endpoint.identification.algorithm ssl.key.location statistics.interval.ms
    topic.metadata.refresh.interval.ms
    """.split()
)
