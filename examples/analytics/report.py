#!/usr/bin/env python3
"""Asks the events of a topic, in a file of JSON lines, the questions of sentiment.sql, by DuckDB."""

from __future__ import annotations

import argparse
import json
import pathlib

import duckdb

QUESTIONS = ("people", "minutes", "turns", "missing")


def main() -> None:
    """Asks and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lines", help="a file with one event in a line")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    db = duckdb.connect()
    db.execute("set timezone = 'UTC'")
    db.execute("set variable lines = ?", [options.lines])
    db.execute((pathlib.Path(__file__).parent / "sentiment.sql").read_text(encoding="utf-8"))
    if not options.json:
        for question in QUESTIONS:
            print(question)
            db.sql(f"from {question}").show()
        return
    answers = {}
    for question in QUESTIONS:
        found = db.execute(f"from {question}")
        names = [column[0] for column in found.description]
        answers[question] = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    print(json.dumps(answers, default=str))


if __name__ == "__main__":
    main()
