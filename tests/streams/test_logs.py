"""Log lines: one JSON object an event, fields of their own, repeated lines folded."""

from __future__ import annotations

import io
import json
import logging

import pytest

from streams import logs
from streams.kafka.clients import consumer
from streams.logs import LIBRDKAFKA, Folded, JsonFormatter, TextFormatter
from streams.settings import Settings


def _record(message: str, *args: object, **more: object) -> logging.LogRecord:
    record = logging.LogRecord("a.b", logging.WARNING, __file__, 1, message, args, None)
    record.__dict__.update(more)
    return record


def test_an_event_is_one_line_of_json() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        caught = (type(error), error, error.__traceback__)
    about = {"batch": 7, "offsets": {"app-events[0]": 12}}
    line = JsonFormatter("worker", "w-0").format(
        _record("said\n%s", "so", about=about, exc_info=caught)
    )
    assert "\n" not in line
    event = json.loads(line)
    assert event.pop("exception").endswith("ValueError: two\nlines")
    assert event.pop("time").endswith("+00:00")
    assert event == {
        "level": "WARNING",
        "logger": "a.b",
        "event": "said\nso",
        "program": "worker",
        "instance": "w-0",
        **about,
    }


def test_people_get_the_fields_too() -> None:
    line = TextFormatter().format(_record("committed", about={"batch": 7}))
    assert line.endswith("WARNING a.b committed batch=7")


def test_what_repeats_is_said_once_in_a_while_with_its_number() -> None:
    clock = [0.0]
    folded = Folded(30.0, lambda: clock[0])
    passed = []
    for second in range(0, 95):
        clock[0] = float(second)
        record = _record("broker 127.0.0.1:%d is down (after %dms)", 9092, second)
        if folded.filter(record):
            passed.append(record.getMessage())
    assert passed[0] == "broker 127.0.0.1:9092 is down (after 0ms)"
    assert [line.rpartition(" (")[2] for line in passed[1:]] == ["29 more like it in 30 s)"] * 3
    assert folded.filter(_record("another thing")) and not folded.filter(_record("another thing"))


def test_kinds_are_forgotten_before_they_fill_memory() -> None:
    folded = Folded(30.0, lambda: 0.0)
    for number in range(1_000):
        assert folded.filter(_record("kind " + "x" * number))
    assert len(folded._seen) <= 200


def test_the_client_library_logs_through_python(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger(LIBRDKAFKA).filters.clear()
    nobody = Settings(bootstrap_servers="127.0.0.1:1", kafka={"reconnect.backoff.max.ms": "100"})
    reader = consumer("restore", nobody)
    try:
        with caplog.at_level(logging.DEBUG, LIBRDKAFKA):
            for _ in range(30):
                reader.poll(0.1)
    finally:
        reader.close()
    lines = [record.getMessage() for record in caplog.records if record.name == LIBRDKAFKA]
    down = [line for line in lines if "Connection refused" in line]
    assert len(down) == 1, lines  # of some twenty tries


def test_configured_as_json_everything_is(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()
    monkeypatch.setattr("sys.stderr", output)
    root = logging.getLogger()
    before = list(root.handlers)
    root.handlers.clear()
    try:
        logs.configure("INFO", "json", "worker", "w-0")
        logging.getLogger("x").info("one")
        logging.getLogger("x").debug("two")
    finally:
        root.handlers[:] = before
    [event] = [json.loads(line) for line in output.getvalue().splitlines()]
    assert (event["event"], event["instance"]) == ("one", "w-0")
