"""The page of a day: what it says of real nights, and that nothing in it can run or reach out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from adapters.sandbox import control
from pipeline import report
from pipeline.report.page import render
from pipeline.store import Store

DAY = dt.date(2026, 11, 20)
NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
BARS_TR = "FHKST03010100"


class Page(HTMLParser):
    """Headings with the rows of the table under each, every tag, and every address."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sections: dict[str, list[list[str]]] = {}
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.words = ""
        self._heading = ""
        self._in: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "srcset")]
        if tag not in ("meta", "br"):
            self._in.append(tag)
        if tag == "h2":
            self._heading = ""
        if tag == "tr":
            self.sections.setdefault(self._heading, []).append([])
        if tag in ("td", "th"):
            self.sections[self._heading][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._in.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if "style" in self._in:
            return
        self.words += data
        if "h2" in self._in:
            self._heading += data
        elif self._in and {"td", "th"} & set(self._in):
            row = self.sections[self._heading][-1]
            row[-1] = " ".join(f"{row[-1]} {data}".split())


def page(home: Path, day: dt.date = DAY) -> Page:
    return Page(report.path(home, day).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published store without rows."""
    store = Store(tmp_path_factory.mktemp("empty"))
    store.look(lambda connection: None)
    store.publish({"replica_info": pa.table({"published_at": [NOW], "as_of": [NOW], "run_id": ["none"]})})
    return store.home


def test_a_whole_night_and_a_partial_one_stand_on_the_page_of_their_day(night_home: Callable[..., Any]) -> None:
    home, server = night_home(environment={"SPOCK_COLLECT__INITIAL_SESSIONS": "3"}, regions=("KR", "US"), tickers=12)
    control.set_fault(server.url, kind="times_100", tr=BARS_TR, count=1)
    assert home.inside("nightly", "KR", "US").code == 3
    found = page(home.path)
    standing = {row[0]: row for row in found.sections["Where the regions stand"][1:]}
    assert standing["US"][1:4] == ["2026-11-19", "2026-11-19", "100.00%"]
    runs = {row[0]: row for row in found.sections["Runs of the day"] if row[0]}
    assert (runs["KR"][2], runs["US"][2]) == ("partial", "complete")
    assert runs["KR"][1] == "night KR-night-2026-11-20, as of 2026-11-20 12:00 UTC"
    coverage = {row[1]: row for row in found.sections["Coverage"][1:]}
    assert {"XKRX", "XNAS"} <= set(coverage)
    refused = found.sections["Refused rows"][1]
    assert (refused[0], refused[1], refused[2]) == ("KR", "unit_error", "3")
    missing = found.sections["Missing"][1]
    assert (missing[0], missing[1], missing[3], missing[4]) == ("KR", "quarantined", "1", "1")
    assert {(row[0], row[1], row[2]) for row in found.sections["Providers"][1:]} >= {
        ("KR", "kis", "history"),
        ("US", "kis", "universe"),
    }
    assert len(found.sections["Slowest tickers"]) == 1 + 2 * 5
    assert "come from the sandbox" in found.words
    assert (home.path / "reports" / "latest.html").read_text() == report.path(home.path, DAY).read_text()


def test_the_page_needs_nothing_from_outside_and_runs_nothing(empty: Path) -> None:
    text = render(report.gather(empty, DAY))
    found = Page(text)
    assert found.tags & {"script", "link", "img", "iframe", "form", "object", "base"} == set()
    assert found.addresses == []
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text


def test_what_providers_say_is_text_and_never_markup(empty: Path) -> None:
    facts = report.gather(empty, DAY)
    evil = "<script>alert(1)</script>"
    refused = {"region": "KR", "rule": evil, "rows": 1, "tickers": 1, "newest": None, "example": evil, "reason": evil}
    found = Page(render(facts.__class__(**{**facts.__dict__, "refused": [refused]})))
    assert "script" not in found.tags
    assert found.sections["Refused rows"][1] == ["KR", evil, "1", "1", "–", evil, evil]


def test_a_day_without_runs_says_so(empty: Path) -> None:
    found = Page(report.write(empty, DAY).read_text())
    assert found.sections["Runs of the day"][1:] == [["No run on this day."]]
    assert found.sections["Refused rows"][1:] == [["No row was refused."]]


def test_nearly_whole_is_not_shown_as_whole(empty: Path) -> None:
    facts = report.gather(empty, DAY)
    row = {"region": "KR", "last_complete_session": DAY, "last_session": DAY, "tickers": 1, "bars": 1, "final": 1}
    for coverage, shown in ((1.0, "100.00%"), (0.999999, "> 99.99%"), (0.98765, "98.77%"), (None, "–")):
        regions = [{**row, "coverage": coverage}]
        found = Page(render(facts.__class__(**{**facts.__dict__, "regions": regions})))
        assert found.sections["Where the regions stand"][1][3] == shown


def test_what_a_section_leaves_out_is_counted(empty: Path) -> None:
    facts = report.gather(empty, DAY)
    gap = {"region": "KR", "state": "gap", "reason": "no row", "cells": 3, "tickers": 1, "newest": DAY, "example": "005930"}
    found = Page(render(facts.__class__(**{**facts.__dict__, "gaps": [{**gap, "found": 21}]})))
    assert "and 20 more: spock sql gaps" in found.words


def test_a_damaged_spool_is_told_on_the_page(night_home: Callable[..., Any]) -> None:
    home, _ = night_home(environment={"SPOCK_COLLECT__INITIAL_SESSIONS": "3"}, regions=("KR",), tickers=12)
    assert home.inside("nightly", "KR").code == 0
    (spooled,) = (home.path / "runs" / "KR-night-2026-11-20").glob("*.parquet")
    spooled.write_bytes(spooled.read_bytes()[:-8])
    report.write(home.path, DAY)
    found = page(home.path)
    assert f"{spooled}: is damaged" in found.words
    assert found.sections["Slowest tickers"][1:] == [["Not known."]]
