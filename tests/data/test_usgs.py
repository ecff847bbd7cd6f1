"""USGS daily values from recorded answers of the Water Data API, by a stand-in client and by the real one."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from dhbv.data.schema import DataError
from dhbv.data.units import CUBIC_FOOT
from dhbv.data.usgs import Observed, read_daily_values

PAGES = json.loads((Path(__file__).parent / "usgs_daily.json").read_text(encoding="utf-8"))
"""Two pages, made by hand in the form of the API."""

GAUGE, SMALL = "06214500", "01073000"
AREAS = {GAUGE: 30000.0, SMALL: 31.3}
PERIOD = ("2026-01-15", "2026-01-18")

Edit = Callable[[pd.DataFrame], pd.DataFrame]


def answer() -> pd.DataFrame:
    """The pages as dataretrieval 1.x gives them: one frame, values as numbers and times as dates."""
    rows = [f["properties"] | {"daily_id": f["id"]} for page in PAGES for f in page["features"]]
    frame = pd.DataFrame(rows)
    frame["value"] = pd.to_numeric(frame["value"])
    frame["time"] = pd.to_datetime(frame["time"])
    return frame.sort_values(["time", "monitoring_location_id"], ignore_index=True)


class Recorded:
    """A client that has one answer, and keeps what it was asked."""

    def __init__(self, edit: Edit | None = None) -> None:
        self.frame = answer() if edit is None else edit(answer())
        self.request: dict[str, object] = {}

    def get_daily(self, **request: object) -> tuple[pd.DataFrame, object]:
        self.request = request
        return self.frame, None


def read(edit: Edit | None = None, **options: Any) -> xr.Dataset:
    region, left_out = read_all(edit, **options)
    assert left_out == ()
    return region


def read_all(edit: Edit | None = None, **options: Any) -> Observed:
    return read_daily_values([GAUGE, SMALL], *PERIOD, areas=AREAS, client=Recorded(edit), **options)


def expected_flow() -> np.ndarray:
    cubic_feet = np.array([[np.nan, 3380.0, 3410.0, np.nan], [np.nan, 7.22, 7.6, 8.05]])
    area = np.array([[30000.0], [31.3]])
    return (cubic_feet * CUBIC_FOOT * 86400.0 / (area * 1e6) * 1000.0).astype(np.float32)


def check(ds: xr.Dataset) -> None:
    assert ds["basin"].values.tolist() == [GAUGE, SMALL]
    assert np.datetime_as_string(ds["time"].values, "D").tolist() == [
        f"2026-01-{d}" for d in (15, 16, 17, 18)
    ]
    np.testing.assert_allclose(ds["streamflow"].values, expected_flow(), rtol=1e-6)
    assert ds["streamflow"].attrs["units"] == "mm d-1"
    assert ds["streamflow_flags"].values.tolist() == [[0, 0, 1, 5], [0, 6, 0, 11]]


def test_flow_and_flags_are_read() -> None:
    ds = read()
    check(ds)
    flags = ds["streamflow_flags"].attrs
    assert dict(zip(flags["flag_meanings"].split(), flags["flag_masks"], strict=True)) == {
        "provisional": 1, "estimated": 2, "ice": 4, "other": 8,
    }  # fmt: skip
    counts = {k: v for k, v in ds["streamflow"].attrs.items() if k.endswith("_days")}
    assert counts == {"provisional_days": 3, "estimated_days": 2, "ice_days": 2, "other_days": 1}


def test_the_request_is_what_the_api_wants() -> None:
    client = Recorded()
    read_daily_values([GAUGE, SMALL], *PERIOD, areas=AREAS, client=client)
    assert client.request == {
        "monitoring_location_id": ["USGS-06214500", "USGS-01073000"],
        "parameter_code": "00060",
        "statistic_id": "00003",
        "time": "2026-01-15/2026-01-18",
        "skip_geometry": True,
    }


@pytest.mark.parametrize("kind", ["text", "unordered", "qualifier text", "zone", "with coordinates"])
def test_other_forms_of_the_same_answer(kind: str) -> None:
    def edit(frame: pd.DataFrame) -> pd.DataFrame:
        if kind == "text":
            return frame.assign(
                value=frame["value"].map(lambda v: None if np.isnan(v) else str(v)),
                time=frame["time"].astype(str),
            )
        if kind == "qualifier text":
            return frame.assign(qualifier=frame["qualifier"].map(lambda q: ", ".join(q) if q else None))
        if kind == "zone":
            return frame.assign(time=frame["time"].dt.tz_localize("UTC"))
        return frame.iloc[::-1] if kind == "unordered" else frame.assign(geometry=[[0.0, 0.0]] * len(frame))

    check(read(edit))


def test_older_marks_of_missing_values_are_no_flow() -> None:
    ds = read(lambda f: f.assign(value=f["value"].fillna(-999999.0)))
    check(ds)


def test_units_are_those_of_the_answer() -> None:
    ds = read(lambda f: f.assign(unit_of_measure="m^3/s", value=f["value"] * CUBIC_FOOT))
    check(ds)
    with pytest.raises(DataError, match=r"USGS, site 01073000: variable streamflow has unit 'ft'"):
        read(lambda f: f.assign(unit_of_measure="ft"))


def test_a_silent_site_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        ds = read(lambda f: f[f["monitoring_location_id"] == "USGS-01073000"])
        assert "USGS: no value for 1 sites in 2026-01-15..2026-01-18: 06214500" in caplog.text
        empty = read(lambda f: f.iloc[:0][[]])
    assert np.isnan(ds["streamflow"].values[0]).all()
    assert not np.isnan(ds["streamflow"].values[1]).all()
    assert np.isnan(empty["streamflow"].values).all()


def doubled(frame: pd.DataFrame, factor: float) -> pd.DataFrame:
    other = frame.assign(time_series_id="another", value=frame["value"] * factor)
    return pd.concat([frame, other[other["monitoring_location_id"] == f"USGS-{GAUGE}"]])


def test_several_series_of_a_site() -> None:
    check(read(lambda f: doubled(f, 1.0)))
    check(read(lambda f: doubled(f, np.nan)))
    check(read(lambda f: doubled(f, np.nan).iloc[::-1]))
    message = (
        "USGS: site 06214500 has different values on 2026-01-16 from series 0ab995b8bbf44a609562fd1b939dbb35, "
        r"another \(sites concerned: 06214500\): say which to take, series="
    )
    region, left_out = read_all(lambda f: doubled(f, 2.0))
    assert region["basin"].values.tolist() == [SMALL], "the other sites are taken"
    np.testing.assert_allclose(region["streamflow"].values, expected_flow()[1:], rtol=1e-6)
    assert region["streamflow_flags"].values.tolist() == [[0, 6, 0, 11]]
    with pytest.raises(DataError, match=message + r".*\(sources.usgs_series of an operation\)$"):
        raise DataError(*left_out)
    with pytest.raises(DataError, match=message):
        read_daily_values(
            [GAUGE],
            *PERIOD,
            areas=AREAS,
            client=Recorded(
                lambda f: doubled(f, 2.0)[lambda g: g["monitoring_location_id"] == f"USGS-{GAUGE}"]
            ),
        )
    check(read(lambda f: doubled(f, 2.0), series={GAUGE: "0ab995b8bbf44a609562fd1b939dbb35"}))
    twice = read(lambda f: doubled(f, 2.0), series={GAUGE: "another"})
    np.testing.assert_allclose(twice["streamflow"].values[0], 2.0 * expected_flow()[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda f: f.rename(columns={"value": "result"}), "the answer has no column value but .*result.*: this reader knows dataretrieval 1.x"),
        (lambda f: f.drop(columns=["qualifier", "approval_status"]), "no column approval_status, qualifier but"),
        (lambda f: f.assign(monitoring_location_id="USGS-09999999"), "the answer has site 09999999, which was not asked for"),
        (lambda f: f.assign(value="Ice"), r"site 01073000: value 'Ice' \(2026-01-16.*cannot be read"),
        (lambda f: f.assign(time="yesterday"), "site 01073000: time 'yesterday'.*cannot be read"),
    ],
)  # fmt: skip
def test_an_answer_of_another_form_is_refused(edit: Edit, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(edit)


def test_what_is_asked_wrongly_is_refused() -> None:
    with pytest.raises(DataError, match=r"USGS: no area for site 01073000, to turn ft3 s-1 into mm d-1"):
        read_daily_values([SMALL], *PERIOD, areas={SMALL: 0.0}, client=Recorded())
    with pytest.raises(DataError, match=r"the period 2026-01-18..2026-01-15 is empty"):
        read_daily_values([GAUGE], *PERIOD[::-1], areas=AREAS, client=Recorded())


def test_a_site_without_area_stops_no_other() -> None:
    client = Recorded(lambda f: f[f["monitoring_location_id"] == f"USGS-{GAUGE}"])
    region, left_out = read_daily_values([GAUGE, SMALL], *PERIOD, areas={**AREAS, SMALL: 0.0}, client=client)
    assert left_out == (
        "USGS: no area for site 01073000, to turn ft3 s-1 into mm d-1: give area_gages2 (km2, above 0)",
    )
    assert client.request["monitoring_location_id"] == [f"USGS-{GAUGE}"]
    np.testing.assert_allclose(region["streamflow"].values, expected_flow()[:1], rtol=1e-6)


def test_a_failing_network_is_told() -> None:
    class Down:
        def get_daily(self, **request: object) -> tuple[pd.DataFrame, object]:
            raise ConnectionError("Name or service not known")

    message = (
        r"USGS: daily values of 1 sites, 2026-01-15..2026-01-18, could not be had \(ConnectionError: Name or service "
        "not known\\): try again later"
    )
    with pytest.raises(DataError, match=message) as caught:
        read_daily_values([GAUGE], *PERIOD, areas=AREAS, client=Down())
    assert isinstance(caught.value.__cause__, ConnectionError)


def test_without_the_client_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dataretrieval.waterdata", None)
    with pytest.raises(
        DataError,
        match=r"dataretrieval, which is not installed or too old: pip install 'delta-hbv\[flows\]'$",
    ):
        read_daily_values([GAUGE], *PERIOD, areas=AREAS)


class TestRealClient:
    """dataretrieval itself, where it is installed, with the network replaced by the recorded pages."""

    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        # Its transport is replaced, which is where versions differ.
        pytest.importorskip("dataretrieval")
        import httpx

        asked: list[Any] = []

        async def respond(self: object, request: httpx.Request) -> httpx.Response:
            asked.append(request.url)
            if self.down:  # type: ignore[attr-defined]
                return httpx.Response(
                    400, json={"code": "BadRequest", "description": "no such site"}, request=request
                )
            return httpx.Response(200, json=PAGES["cursor" in request.url.params], request=request)

        monkeypatch.setattr(httpx.AsyncHTTPTransport, "down", False, raising=False)
        monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", respond)
        return asked

    def test_it_reads_the_pages(self, asked: list[Any]) -> None:
        check(read_daily_values([GAUGE, SMALL], *PERIOD, areas=AREAS).region)
        assert len(asked) == 2
        params = asked[0].params
        assert params["monitoring_location_id"] == f"USGS-{GAUGE},USGS-{SMALL}"
        assert (params["parameter_code"], params["statistic_id"]) == ("00060", "00003")
        assert params["time"] == "2026-01-15/2026-01-18"

    def test_its_errors_are_told(self, asked: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
        import httpx

        monkeypatch.setattr(httpx.AsyncHTTPTransport, "down", True)
        with pytest.raises(DataError, match=r"could not be had \(HTTPError: .*400.*no such site"):
            read_daily_values([GAUGE], *PERIOD, areas=AREAS)
