"""A cycle's page: it stands alone, names every flag, tells numbers that are right, and opens in a browser."""

from __future__ import annotations

import base64
import datetime as dt
import io
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from PIL import Image
from typer.testing import CliRunner

from dhbv.cli import app
from dhbv.data.schema import basin_ids
from dhbv.errors import DhbvError
from dhbv.fluxes.archive import Archive
from dhbv.operations.analysis import Degraded
from dhbv.operations.cycle import done
from dhbv.plots.commands import BEFORE
from dhbv.plots.commands import _observed as observed_flow
from dhbv.plots.cycle import flags_of, load, page, summary
from dhbv.plots.flags import WORDS
from tests.operations.conftest import BASINS, ISSUE, Site

DRAWN = 2
VOID = {"meta", "link", "img"}


class Reader(HTMLParser):
    """Tags that match, texts of cells by row, addresses, and pictures."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.addresses: list[str] = []
        self.pictures: list[dict[str, str | None]] = []
        self.classes: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], "every tag is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.addresses += [str(v) for k, v in attrs if k in ("src", "href", "srcset", "action", "data")]
        if tag == "img":
            self.pictures.append(given)
        if tag == "tr":
            self.rows.append([])
            self.classes.append(given.get("class") or "")
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    def row(self, name: str) -> list[str]:
        return next(r for r in self.rows if r and r[0] == name)


@pytest.fixture(scope="module")
def text(made: Path, whole: xr.Dataset) -> str:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("dhbv.plots.cycle.DRAWN", DRAWN)
        return page(made, observed=whole["streamflow"])


@pytest.fixture(scope="module")
def read(text: str) -> Reader:
    return Reader(text)


def test_every_flag_is_named_with_what_it_says(read: Reader) -> None:
    assert set(WORDS) == set(Degraded), "a new flag needs words"
    for flag, words in WORDS.items():
        name, where, meaning, remedy = read.row(str(flag.name))
        assert (meaning, remedy) == tuple(words)
        expected = {Degraded.FILLED: "2: 02, 05", Degraded.NO_WEATHER_FORECAST: "all"}.get(flag, "none")
        assert where == expected, name
        marked = read.classes[read.rows.index(read.row(str(flag.name)))]
        assert (marked == "set") == (expected != "none")


def test_it_stands_alone(text: str, read: Reader) -> None:
    assert all(a.startswith("data:") for a in read.addresses)
    assert "<script" not in text
    assert not re.search(r"url\(|@import|https?:", text)
    assert text.startswith("<!DOCTYPE html>")


def test_pictures_are_whole_and_told_in_words(read: Reader) -> None:
    assert len(read.pictures) == 1 + DRAWN, "the map and the basins"
    for picture in read.pictures:
        data = base64.b64decode(str(picture["src"]).partition("base64,")[2], validate=True)
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            width, height = image.size
            assert len(np.unique(np.asarray(image.convert("L")))) > 20, "not blank"
        assert abs(width - int(str(picture["width"]))) <= 1
        assert abs(height - int(str(picture["height"]))) <= 1
        assert len(str(picture["alt"])) > 20


def test_numbers_are_those_of_the_forecast(made: Path, read: Reader) -> None:
    ahead = load(made / "forecast.nc")
    table = summary(ahead)
    runoff = ahead["runoff"].transpose("quantile", "basin", "time").values
    for k, basin in enumerate(BASINS):
        day = int(runoff[2, k].argmax())
        row = table.loc[basin]
        assert row["peak"] == runoff[2, k, day]
        assert (row["low"], row["high"]) == (runoff[0, k, day], runoff[4, k, day])
        assert row["day"] == str(ahead["time"].values[day])[:10]
        assert row["total"] == pytest.approx(runoff[2, k].sum(), rel=1e-6)
        cells = read.row(basin)
        assert cells[1:6] == [
            f"{row['peak']:.2f}", f"{row['low']:.2f}", f"{row['high']:.2f}", row["day"], f"{row['total']:.1f}"
        ]  # fmt: skip
        assert cells[6] == ("FILLED, NO_WEATHER_FORECAST" if basin in ("02", "05") else "NO_WEATHER_FORECAST")
    first = [p["alt"] for p in read.pictures[1:]]
    highest = table["peak"].nlargest(DRAWN).index
    assert [str(a).split(":")[0] for a in first] == [f"Basin {b}" for b in highest]


def test_a_summary_by_hand() -> None:
    runoff = np.array([[[1.0, 3.0]], [[2.0, 5.0]], [[8.0, 6.0]]])  # three quantiles of one basin on two days
    dims, days = ("quantile", "basin", "time"), np.array(["2001-03-01", "2001-03-02"], "datetime64[ns]")
    ahead = xr.Dataset(
        {"runoff": (dims, runoff)}, {"basin": ["a"], "time": days, "quantile": [0.25, 0.5, 0.75]}
    )
    row = summary(ahead).loc["a"].to_dict()
    assert row == {"peak": 5.0, "day": "2001-03-02", "low": 3.0, "high": 6.0, "total": 7.0, "quality": 0}


def test_quantiles_without_a_median_are_called_what_they_are(made: Path, tmp_path: Path) -> None:
    runoff = np.array([[[1.0, 3.0]], [[2.0, 5.0]], [[4.0, 6.0]], [[8.0, 9.0]]])
    dims, days = ("quantile", "basin", "time"), np.array(["2001-03-01", "2001-03-02"], "datetime64[ns]")
    coords = {"basin": ["a"], "time": days}
    for levels, peak in (((0.05, 0.5, 0.75, 0.95), 5.0), ((0.1, 0.2, 0.3, 0.45), 9.0)):
        ahead = xr.Dataset({"runoff": (dims, runoff)}, {**coords, "quantile": list(levels)})
        assert summary(ahead).loc["a", "peak"] == peak, "of the one nearest to the median"
    folder = copied(made, tmp_path)
    ahead = load(folder / "forecast.nc").isel(quantile=[0, 1, 3, 4])
    (folder / "forecast.nc").unlink()
    ahead.to_netcdf(folder / "forecast.nc")
    told = [p["alt"] for p in Reader(page(folder, drawn=[])).pictures]
    assert told == [f"Largest daily runoff of the {ahead.sizes['time']} days ahead in each of {ahead.sizes['basin']} basins, "
                    "the quantile at 25 % of the members."]  # fmt: skip


def test_provenance_is_that_of_the_record(made: Path, read: Reader) -> None:
    record = json.loads((made / "record.json").read_text())
    for label, key in (("weights, sha256", "weights_sha256"), ("started from", "start"), ("version", "version"),
                       ("weather ahead", "weather"), ("members", "members")):  # fmt: skip
        assert read.row(label)[1] == str(record[key])


def copied(made: Path, folder: Path) -> Path:
    return Path(shutil.copytree(made, folder / "cycle"))


def test_a_single_run_without_places_or_analysis(made: Path, tmp_path: Path) -> None:
    folder = copied(made, tmp_path)
    (folder / "analysis.nc").unlink()
    ahead = load(folder / "forecast.nc").isel(quantile=2, drop=True).drop_vars(["runoff_member", "longitude"])
    ahead["quality"] = xr.zeros_like(ahead["quality"])
    ahead["quality"][0] = 64
    (folder / "forecast.nc").unlink()
    ahead.to_netcdf(folder / "forecast.nc")
    read = Reader(page(folder, drawn=[]))
    assert read.pictures == []
    assert read.row("not known here")[1] == "01 (unknown (64))", "a flag of a later version is not dropped"
    assert read.row("02")[6] == "–"


def test_what_a_record_says_is_text_and_no_code(made: Path, tmp_path: Path) -> None:
    folder = copied(made, tmp_path)
    record = json.loads((folder / "record.json").read_text())
    evil = '<script>alert("x")</script>'
    record |= {"version": evil, "notes": [evil], "start": evil}
    (folder / "record.json").write_text(json.dumps(record))
    text = page(folder, drawn=[])
    assert "<script" not in text
    assert Reader(text).row("started from")[1] == evil


def test_flags_in_words() -> None:
    assert flags_of(0) == []
    assert flags_of(9) == ["FILLED", "NO_WEATHER_FORECAST"]
    assert flags_of(64 + 1) == ["FILLED", "unknown (64)"]


def test_observed_flow_is_of_the_basins_that_have_a_gauge(whole: xr.Dataset, tmp_path: Path) -> None:
    whole.isel(basin=[1, 3]).to_netcdf(tmp_path / "region.nc")
    known = [str(b) for b in whole["basin"].values]
    found = observed_flow(tmp_path / "region.nc", known, whole["time"].values[9])
    assert basin_ids(found) == [known[1], known[3]]
    assert found.sizes["time"] == 10
    with pytest.raises(DhbvError, match=r"2 unknown basins: .*nearest"):
        observed_flow(tmp_path / "region.nc", [known[0], known[2]], whole["time"].values[9])


def test_what_is_no_cycle_is_told(made: Path, tmp_path: Path) -> None:
    with pytest.raises(DhbvError, match=r"forecast\.nc is not there: give a cycle's folder"):
        page(tmp_path)
    with pytest.raises(DhbvError, match="basin 77 is not among the 5 of this cycle"):
        page(made, drawn=["77"])
    damaged = shutil.copytree(made, tmp_path / "damaged")
    (damaged / "record.json").write_text("")
    with pytest.raises(DhbvError, match=r"record\.json: damaged .*: restore the cycle from a copy"):
        page(damaged)


def test_the_days_before_are_of_the_version_asked_for(made: Path, site: Site, tmp_path: Path) -> None:
    command = [
        "plot",
        "cycle",
        str(made),
        "--fluxes",
        str(site.operation.fluxes),
        "--out",
        str(tmp_path / "x.html"),
    ]
    done = CliRunner().invoke(app, [*command, "--version", "v000099"])
    assert done.exit_code == 1
    assert "nothing by version 'v000099'" in str(done.exception)


def test_the_first_cycle_is_drawn_without_the_days_before(site: Site, made: Path, tmp_path: Path) -> None:
    """It was spun up, so an archive holds nothing before it: its forecast alone, or days that came later."""
    first = Path(shutil.copytree(done(site.operation)[0].path, tmp_path / "first"))
    (first / "analysis.nc").unlink()
    told, later = Archive(tmp_path / "told"), Archive(tmp_path / "later")
    told.append(load(first / "forecast.nc"), "forecast", source="first", content="first")
    analysis = load(made / "analysis.nc").isel(time=slice(1, None))
    assert analysis["time"].values[0] > np.datetime64(ISSUE)
    later.append(analysis, "analysis", source="second", content="second")
    days = f"{ISSUE - dt.timedelta(days=BEFORE)}..{ISSUE - dt.timedelta(days=1)}"
    for archive in (told, later):
        out = tmp_path / f"{archive.path.name}.html"
        result = CliRunner().invoke(
            app,
            ["plot", "cycle", str(first), "--fluxes", str(archive.path), "--basins", "01", "--out", str(out)],
        )
        assert result.exit_code == 0, result.exception
        assert f"no day of {days} analysed in it: drawn from the cycle's folder alone" in result.stderr
        text = out.read_text()
        assert "1 are drawn. The other 4 are in the table. Of the days before it none are at hand." in text


def test_days_before_are_not_missed_where_they_are_drawn(made: Path, text: str, tmp_path: Path) -> None:
    assert "none are at hand" not in text
    out = tmp_path / "second.html"
    fluxes = made.parents[2] / "fluxes"
    result = CliRunner().invoke(
        app, ["plot", "cycle", str(made), "--fluxes", str(fluxes), "--basins", "01", "--out", str(out)]
    )
    assert (result.exit_code, "none are at hand" in out.read_text()) == (0, False)
    assert "alone" not in result.stderr.replace("stands alone", "")
    with pytest.raises(DhbvError, match="no archive of fluxes there"):
        raise (
            CliRunner()
            .invoke(
                app, ["plot", "cycle", str(made), "--fluxes", str(tmp_path), "--out", str(tmp_path / "x")]
            )
            .exception
            or AssertionError
        )


def browser() -> str:
    names = ("chromium", "chromium-browser", "google-chrome", "chrome", "chrome-headless-shell")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser here ({', '.join(names)}): the page was read as HTML alone")
    return found


def test_it_opens_in_a_browser(made: Path, site: Site, tmp_path: Path) -> None:
    """The command's page: every picture is decoded, nothing is wider than the window, the console is silent."""
    program = browser()
    out = tmp_path / "cycle.html"
    done = CliRunner().invoke(
        app,
        [
            "plot",
            "cycle",
            str(made),
            "--fluxes",
            str(site.operation.fluxes),
            "--basins",
            "01",
            "--out",
            str(out),
        ],
    )
    assert done.exit_code == 0, done.output
    asked = """<script>addEventListener("load", () => { document.body.setAttribute("data-seen", JSON.stringify({
      pictures: [...document.images].map(i => i.complete && i.naturalWidth > 100 && i.clientWidth > 100),
      wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      fetched: performance.getEntriesByType("resource").filter(e => !e.name.startsWith("data:")).map(e => e.name),
      rows: document.querySelectorAll("tr.set").length })); console.warn("heard") });</script></body>"""
    out.write_text(out.read_text().replace("</body>", asked))
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr",
               f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1200,900", "--virtual-time-budget=5000"]  # fmt: skip
    shown = subprocess.run(
        [program, *options, "--dump-dom", out.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = re.search(r"data-seen=\"(.*?)\"", shown.stdout)
    assert found is not None, shown.stderr[-2000:]
    seen = json.loads(found[1].replace("&quot;", '"'))
    assert seen == {"pictures": [True] * 2, "wide": 0, "fetched": [], "rows": 2}
    said = [line for line in shown.stderr.splitlines() if "CONSOLE" in line]
    assert len(said) == 1, said
    assert "heard" in said[0], "the console is listened to"
