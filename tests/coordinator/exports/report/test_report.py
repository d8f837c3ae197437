"""The HTML report: whole, self-contained, escaped, the same each time, and calm on bad days."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from bitgauge.benchmarks.numerics.ledger import BINS, Histogram
from bitgauge.benchmarks.raw.container import write_raw
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole, Scenario
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.metrics import published
from bitgauge.benchmarks.vocabulary.reasons import INSUFFICIENT_SAMPLES
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, RawRef
from bitgauge.coordinator.exports.output import write_output
from bitgauge.coordinator.exports.report.ledger import outline, percent

from tests.labs.record import NAME, RUN_ID, sources, stored
from tests.labs.rooms.raw_files import apart

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from bitgauge.coordinator.exports.report.report import report_html

A, B = RawRole.BASELINE, RawRole.CANDIDATE
VOID = {"meta", "br", "use", "path", "link", "img", "hr", "rect", "stop", "line"}
SECTIONS = [
    "findings",
    "numbers",
    "latency",
    "quads",
    "warm-up",
    "conditions",
    "memory",
    "operators",
    "ledger",
    "quality",
    "nulls",
    "provenance",
]


class Page(HTMLParser):
    """Open tags, ids and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.headings: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs).get("id")
        if found:
            self.ids.append(found)
            if tag == "h2":
                self.headings.append(found)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[RawRef, bytes]:
    return stored(tmp_path_factory.mktemp("raw"))


@pytest.fixture(scope="module")
def html(files: dict[RawRef, bytes]) -> str:
    return report_html(sources(files)).decode()


def test_the_page_has_its_sections_and_every_metric(html: str) -> None:
    page = Page(html)
    assert page.headings == SECTIONS
    assert page.tags.count("figure") == 5
    assert len(page.ids) == len(set(page.ids))
    for key in published(Scenario.SINGLE_STREAM):
        assert key in page.text
    assert f"bitgauge reanalyse {RUN_ID}" in page.text
    assert "profile quick, or less than the profile asks for" in page.text


def test_it_says_where_the_time_goes_and_what_stands_out(html: str) -> None:
    text = " ".join(Page(html).text.split())
    assert "20 calls under the runtime's own profiler" in text
    assert "ConvInteger100 %9.00 µs-" in text
    assert "Conv--4.00 µs" in text
    assert "Its multiplications take 2.25 times the baseline's time" in text
    assert "Quantize statically" in text


def test_a_ratio_that_is_not_known_has_no_line(files: dict[RawRef, bytes]) -> None:
    known = sources(files)
    metrics = tuple(
        replace(one, value=None, low=None, high=None, reason=INSUFFICIENT_SAMPLES)
        if one.key == "latency_ratio"
        else one
        for one in known.run.metrics
    )
    text = Page(report_html(replace(known, run=replace(known.run, metrics=metrics))).decode()).text
    assert "There is no line: too few independent samples for an interval; vertical" in text
    assert "There is no line" not in Page(report_html(known).decode()).text


@pytest.mark.parametrize(
    ("curve", "words"),
    [
        ("1:250 16:4000 512:8000", "time to first token, ms, log scale"),
        ("", "Not shown: too few independent samples"),
    ],
)
def test_a_decoder_shows_how_long_prompts_of_each_length_take(
    curve: str, words: str, files: dict[RawRef, bytes], html: str
) -> None:
    known = sources(files)
    told = (StackItem("curve", curve),) if curve else ()
    prefill = MetricValue("prefill_tokens_per_s", 4000.0, detail=told)
    metrics = (*(one for one in known.run.metrics if one.key != prefill.key), prefill)
    workload = Workload(Scenario.LLM, prompt_tokens=16, generated_tokens=4)
    job = replace(known.job, workload=workload)
    page = Page(
        report_html(replace(known, job=job, run=replace(known.run, metrics=metrics))).decode()
    )
    assert "prompts" in page.headings
    assert words in page.text
    assert ("512" in page.text.partition(words)[2][:400]) is bool(curve)
    assert "prompts" not in Page(html).headings


def test_names_are_text_and_never_markup(html: str) -> None:
    page = Page(html)
    assert "script" not in page.tags
    assert NAME in page.text
    assert "conv<1>_out" in page.text
    assert "board <b>" in page.text
    assert "<script" not in html


def test_the_page_needs_no_network_and_forbids_it(html: str) -> None:
    assert "default-src 'none'" in html
    bare = re.sub(r'xmlns(:\w+)?="[^"]*"', "", html)
    assert not re.search(r"https?:|src=|@import|<link", bare)
    references = set(re.findall(r'(?:url\(#|href="#)([^)"]*)', bare))
    assert references <= set(Page(html).ids)


def test_the_same_run_gives_the_same_bytes(files: dict[RawRef, bytes], html: str) -> None:
    assert report_html(sources(files)).decode() == html
    assert not re.search(r"#0[0-9a-f]0[0-9a-f]0[0-9a-f]", html), "a stand-in colour was left"


def test_missing_and_damaged_raw_files_are_said_and_the_rest_is_shown(
    files: dict[RawRef, bytes],
) -> None:
    pair = next(ref for ref in files if ref.pass_name is PassName.PAIR)
    ledger = next(ref for ref in files if ref.pass_name is PassName.NUMERICS)
    page = Page(report_html(sources({**files, pair: b"", ledger: b"no npz"})).decode())
    assert page.headings == SECTIONS
    assert page.tags.count("figure") == 4
    assert "is not there." in page.text
    assert "its raw file is missing from the blobs" in page.text
    assert "its raw file is damaged" in page.text


def test_launches_that_took_turns_are_shown_and_the_plot_of_quads_says_why_not(
    files: dict[RawRef, bytes], tmp_path: Path
) -> None:
    turns = {}
    for at, role in enumerate((A, B, B, A)):
        path = tmp_path / f"{at}.npz"
        write_raw(path, apart(role, at))
        data = path.read_bytes()
        digest = Digest(hashlib.sha256(data).hexdigest(), len(data))
        turns[RawRef(PassName.PAIR, at, role, digest)] = data
    kept = {ref: data for ref, data in files.items() if ref.pass_name is not PassName.PAIR}
    page = Page(report_html(sources({**kept, **turns})).decode())
    assert page.headings == SECTIONS
    assert "launches that take turns" in page.text
    assert "damaged" not in page.text
    steady = [int(found) for found in re.findall(r"of (\d+) launches ended on the test", page.text)]
    assert steady == [3 + 4]


def test_all_raw_files_lost_is_still_a_page(files: dict[RawRef, bytes]) -> None:
    page = Page(report_html(sources(dict.fromkeys(files, b""))).decode())
    assert page.headings == SECTIONS
    assert "figure" not in page.tags


def test_outline_is_as_high_as_its_counts() -> None:
    assert outline(None) == ""
    assert outline(Histogram(0.0, 1.0, (0,) * BINS)) == ""
    path = outline(Histogram(0.0, 1.0, (4, 1, *(0,) * (BINS - 2))))
    assert path.startswith("M0 22V0.0H1.0V11.0H2.0V22.0")


def test_a_file_is_written_whole_and_replaced_only_when_forced(tmp_path: Path) -> None:
    target = tmp_path / "r.html"
    write_output(target, b"one", force=False)
    with pytest.raises(BadInput, match="--force"):
        write_output(target, b"two", force=False)
    assert target.read_bytes() == b"one"
    write_output(target, b"two", force=True)
    assert target.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [target]
    with pytest.raises(BadInput, match="cannot be written"):
        write_output(tmp_path / "no" / "r.html", b"x", force=False)


def test_what_is_no_file_is_never_replaced(tmp_path: Path) -> None:
    """As root a rename would put a file where /dev/null was."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(BadInput, match="cannot be written: it is there and is no ordinary"):
            write_output(tmp_path / name, b"x", force=True)
    assert (tmp_path / "pipe").is_fifo()
    assert sorted(os.listdir(tmp_path)) == ["folder", "pipe"]


def test_a_share_is_a_number_that_can_be_read() -> None:
    shares = (None, 0.0, 8e-9, 1e-5, 0.0002, 0.5)
    assert [percent(share) for share in shares] == ["-", "0", "< 0.001", "0.0010", "0.020", "50"]
