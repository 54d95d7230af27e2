#!/usr/bin/env python3
"""Reads events of valence rightly: out of Kafka, or out of a file of JSON lines.

Delivery is at least once and a score may be corrected, so a reader keeps the highest revision of an id. A record
without a value says that a person is to be forgotten.

    read_events.py --brokers 127.0.0.1:9092            # each change as it comes, as JSON lines
    read_events.py --brokers 127.0.0.1:9092 --newest   # what holds at the end of the topic, and stop
    read_events.py events.jsonl --newest

Kafka needs the package confluent-kafka.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import pathlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

Event = dict[str, Any]


def end_of(event: Event) -> datetime:
    """When the event's window ends."""
    return datetime.fromisoformat(event["window"]["end"].replace("Z", "+00:00"))


@dataclass
class Events:
    """What is known: of each id the highest revision, for `keep` behind the newest window; for good without one."""

    keep: timedelta | None = timedelta(hours=1)
    _known: dict[tuple[str, str], dict[str, Event]] = field(default_factory=dict)

    def apply(self, event: Event) -> bool:
        """Takes an event; False for a repeat or an older revision, which change nothing."""
        known = self._known.setdefault((event["session"], event["participant"]), {})
        before = known.get(event["id"])
        if before is not None and before["revision"] >= event["revision"]:
            return False
        known[event["id"]] = event
        if before is None and self.keep is not None and len(known) % 1000 == 0:
            until = max(map(end_of, known.values())) - self.keep
            for old in [i for i, e in known.items() if end_of(e) < until]:
                del known[old]
        return True

    def erase(self, session: str, participant: str) -> None:
        """Forgets a person."""
        self._known.pop((session, participant), None)

    def newest(self) -> list[Event]:
        """All that is known, by window end, then participant."""
        events = (e for known in self._known.values() for e in known.values())
        return sorted(events, key=lambda e: (end_of(e), e["session"], e["participant"], e["id"]))


@dataclass
class Record:
    """A record of a topic, without its place."""

    key: str
    value: str | None
    headers: dict[str, str]


def records_of_lines(lines: Iterable[str]) -> Iterator[Record]:
    """A file has no keys: a tombstone cannot be told in it, and is left out."""
    for line in lines:
        if line.strip() not in ("", "null"):
            yield Record("", line, {})


def records_of_kafka(brokers: str, topic: str, group: str, to_the_end: bool) -> Iterator[Record]:
    """All records of a topic from its beginning, or of a group's partitions from where the group left off."""
    from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": group or "read-events",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": bool(group),
            "enable.partition.eof": to_the_end,
        }
    )
    try:
        partitions = list(consumer.list_topics(topic, timeout=30).topics[topic].partitions)
        if group:
            consumer.subscribe([topic])
        else:
            consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
        ended: set[int] = set()
        while len(ended) < len(partitions):
            message = consumer.poll(1.0)
            if message is None:
                continue
            if message.error():
                if message.error().code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(message.error())
                ended.add(message.partition())
                continue
            headers = {k: (v or b"").decode() for k, v in message.headers() or []}
            value = message.value()
            yield Record((message.key() or b"").decode(), None if value is None else value.decode(), headers)
    finally:
        consumer.close()


def read(records: Iterable[Record], events: Events) -> Iterator[Event]:
    """Applies the records and hands on what changes: an event, or {"erased": ...}."""
    for record in records:
        if record.value is None:
            session, slash, participant = record.key.partition("/")
            participant = participant if slash else record.headers.get("participant", "")
            events.erase(session, participant)
            yield {"erased": {"session": session, "participant": participant}}
        elif record.headers.get("content-type", "application/json").startswith("application/json"):
            event = json.loads(record.value)
            if events.apply(event):
                yield event
        else:
            print(f"a record of {record.key} is not JSON: set sink.kafka.format to json", file=sys.stderr)


def main() -> None:
    """Reads and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", help="JSON lines instead of Kafka; - is stdin")
    parser.add_argument("--brokers", help="host:port of the brokers, with , between")
    parser.add_argument("--topic", default="valence.events")
    parser.add_argument("--group", default="", help="a consumer group: go on where it left off")
    parser.add_argument("--newest", action="store_true", help="print what holds at the end, and stop")
    options = parser.parse_args()
    if (options.file is None) == (options.brokers is None):
        parser.error("name a file or --brokers")

    events = Events(keep=None if options.newest else timedelta(hours=1))
    with contextlib.ExitStack() as open_files:
        if options.brokers:
            records = records_of_kafka(options.brokers, options.topic, options.group, options.newest)
        elif options.file == "-":
            records = records_of_lines(sys.stdin)
        else:
            records = records_of_lines(open_files.enter_context(pathlib.Path(options.file).open(encoding="utf-8")))
        for change in read(records, events):
            if not options.newest:
                print(json.dumps(change, ensure_ascii=False), flush=True)
    if options.newest:
        for event in events.newest():
            print(json.dumps(event, ensure_ascii=False))


if __name__ == "__main__":
    main()
