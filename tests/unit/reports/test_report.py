"""A report holds what was found, and no text from elsewhere becomes markup, script or a request."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.unit.bundle.sweep_on_a_server import OneSweepServer, details_of
from tests.unit.exports.sweep_of_runs import RUNS, SWEEP, make_run
from trainer.bundle.client import BundleClient
from trainer.records import RunRecord
from trainer.reports.charts import Chart, Line, spark_lines, svg, ticks
from trainer.reports.writing import render_report

EVIL = '<script>alert(1)</script> | `x` [a](javascript:x) "q" \x1b[31m\n# head @team'


def report(tmp_path: Path, runs: list[RunRecord], *, html: bool, **changes: object) -> str:
    sweep = replace(SWEEP, **changes)  # type: ignore[arg-type]
    server = OneSweepServer(sweep, runs, {run.id: details_of(run, "Traceback", "ValueError: " + EVIL) for run in runs})
    client: BundleClient = server.bundle(tmp_path / "r.sweep.zip")
    read = client.read_runs(client.sweep, client.sweep.metric)
    return render_report(client, client.sweep, read, client.sweep.metric, html=html)


class Page(HTMLParser):
    """Collects the tags, attributes and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_says_everything_and_fetches_nothing(tmp_path: Path) -> None:
    page = Page(text := report(tmp_path, [*RUNS, *(make_run(n, (0.1, n / 100)) for n in range(4, 30))], html=True))
    for words in (
        "0.9 by run-1",
        "Leaderboard",
        "Best acc so far",
        "Parameter importance",
        "Failures",
        "abc1234",
        "lr: 0.1",
    ):
        assert words in page.text, words
    assert page.tags.count("svg") == 2
    assert not {"script", "img", "link", "iframe", "object"} & set(page.tags)
    assert "default-src 'none'" in text
    assert {name for name, _ in page.attributes if name.startswith("on")} == set()
    links = [value or "" for name, value in page.attributes if name == "href"]
    assert links and all(link.startswith("http://127.0.0.1:1/me/wine/") for link in links)
    for drawing in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ElementTree.fromstring(drawing)


@pytest.mark.parametrize("html", [True, False])
def test_hostile_names_stay_texts(tmp_path: Path, html: bool) -> None:
    runs = [replace(run, name=EVIL, tags=(EVIL,), config={**run.config, "lr": EVIL, EVIL: 1}) for run in RUNS]
    text = report(tmp_path, runs, html=html, name=EVIL, url="javascript:alert(1)//sweeps/s1")
    assert "\x1b" not in text
    if html:
        assert "<script" not in text
        page = Page(text)
        assert "<script>alert(1)</script>" in page.text
        assert "a" not in page.tags
    else:
        outside = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
        assert not re.search(r"(?<!\\)<script", outside)
        assert "\n# head" not in outside and not re.search(r"(?<!\\)\]\(<?javascript", outside)
        rows = [line for line in text.splitlines() if line.startswith("| ")]
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows[:5]}) == 1


def test_a_sweep_without_runs_or_metric_has_a_report(tmp_path: Path) -> None:
    assert "No run has logged acc yet." in report(tmp_path, [], html=False)
    text = report(tmp_path, list(RUNS), html=True, config={"method": "grid"}, metric=None)
    assert "names no metric" in text and "<svg" not in text


def test_charts_have_round_marks_that_enclose_the_values() -> None:
    for values in ([0.47, 0.97], [5.0, 5.0], [-3e-9, 4e-9], [0.0, 0.0], [1e15, 1e15 + 1], [-7.0, 1e6]):
        marks = ticks(values)
        assert marks[0] <= min(values) and marks[-1] >= max(values) and 2 <= len(marks) <= 21
    chart = Chart("t", "x", "y", (Line("one", ((0.0, 0.0), (1.0, 1.0))), Line("two", ((0.0, 0.5),))))
    drawn = ElementTree.fromstring(svg(chart))
    assert len(drawn.findall(".//{*}polyline")) == 1
    assert spark_lines(chart)[0].split() == ["one", "▁█", "0", "→", "1"]
    assert svg(Chart("t", "x", "y", ())) == ""
