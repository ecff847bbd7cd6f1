"""Months, years, water years and climatologies of series whose sums are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dhbv.fluxes.aggregation import AGGREGATIONS, aggregate, climatology, periods
from dhbv.fluxes.names import KNOWN

FLUX, STORE, NUMBER = KNOWN["runoff"], KNOWN["swe"], KNOWN["beta"]


def days(first: str, last: str) -> np.ndarray:
    return np.arange(np.datetime64(first), np.datetime64(last) + 1)


def counted(first: str, last: str, how: str, variable: object = FLUX) -> tuple[np.ndarray, object, object]:
    """Sums of 1, 2, 3, … over all days."""
    span = days(first, last)
    values = np.arange(1.0, len(span) + 1)[None].astype(np.float32)
    grouping = periods(span, how)
    return grouping.labels, aggregate(values, np.ones(values.shape, bool), variable, grouping), grouping  # type: ignore[arg-type]


def test_months_add_up_days_and_know_the_leap_day() -> None:
    labels, sums, grouping = counted("2000-01-01", "2000-03-31", "monthly")
    assert labels.astype(str).tolist() == ["2000-01-01", "2000-02-01", "2000-03-01"]
    assert grouping.whole.tolist() == [31, 29, 31]
    assert sums.counted[0].tolist() == [31, 29, 31]
    total = [31 * 32 / 2, 60 * 61 / 2 - 31 * 32 / 2, 91 * 92 / 2 - 60 * 61 / 2]
    assert sums.amount.total[0].tolist() == total
    np.testing.assert_allclose(sums.amount.value[0], np.divide(total, [31, 29, 31]))


def test_stores_are_read_at_the_end_and_parameters_averaged() -> None:
    _, last, _ = counted("2001-01-01", "2001-03-31", "monthly", STORE)
    assert last.amount.value[0].tolist() == [31.0, 59.0, 90.0]
    _, mean, _ = counted("2001-01-01", "2001-03-31", "monthly", NUMBER)
    assert mean.amount.value[0].tolist() == [16.0, 45.5, 75.0]
    assert mean.amount.total is mean.amount.value


def test_a_water_year_begins_in_october_and_is_named_by_its_end() -> None:
    labels, sums, grouping = counted("1998-10-01", "2000-09-30", "water-year")
    assert labels.tolist() == [1999, 2000]
    assert grouping.whole.tolist() == [365, 366]
    assert sums.amount.total[0].tolist() == [365 * 366 / 2, 731 * 732 / 2 - 365 * 366 / 2]
    labels, _, grouping = counted("1999-09-30", "1999-10-01", "water-year")
    assert labels.tolist() == [1999, 2000]
    assert grouping.starts.tolist() == [0, 1]


def test_calendar_years() -> None:
    labels, sums, grouping = counted("1999-12-30", "2001-01-01", "annual")
    assert labels.tolist() == [1999, 2000, 2001]
    assert sums.counted[0].tolist() == [2, 366, 1]
    assert grouping.whole.tolist() == [365, 366, 365]


@pytest.mark.parametrize("how", ["monthly", "annual", "water-year"])
def test_groups_are_those_of_pandas(how: str) -> None:
    rng, span = np.random.default_rng(0), days("1995-03-07", "2001-08-19")
    values = rng.gamma(0.5, 4.0, (2, len(span))).astype(np.float32)
    there = rng.random(values.shape) < 0.9
    rule = {"monthly": "MS", "annual": "YS", "water-year": "YS-OCT"}[how]
    frame = pd.DataFrame(np.where(there, values, np.nan).T.astype(float), index=pd.DatetimeIndex(span))
    grouping = periods(span, how)
    flux, store = (aggregate(values, there, v, grouping) for v in (FLUX, STORE))
    np.testing.assert_allclose(flux.amount.total, frame.resample(rule).sum().T, rtol=1e-6)
    np.testing.assert_allclose(flux.amount.value, frame.resample(rule).mean().T, rtol=1e-6)
    np.testing.assert_allclose(store.amount.value, frame.resample(rule).last().T, rtol=1e-6)
    assert np.array_equal(flux.counted, frame.resample(rule).count().T)


def test_a_period_without_a_day_has_no_value() -> None:
    span = days("2001-01-01", "2001-02-28")
    there = (span < np.datetime64("2001-02-01"))[None]
    for v in (FLUX, STORE, NUMBER):
        sums = aggregate(np.ones((1, len(span)), np.float32), there, v, periods(span, "monthly"))
        assert np.isnan(sums.amount.value[0]).tolist() == [False, True]
        assert sums.counted[0].tolist() == [31, 0]


def test_a_climatology_of_months_leaves_out_those_that_are_not_whole() -> None:
    span = days("2000-02-01", "2002-02-27")
    values = np.ones((1, len(span)), np.float32)
    values[:, span >= np.datetime64("2001-02-01")] = 3.0
    grouping = periods(span, "climatology")
    labels, sums = climatology(aggregate(values, values > 0, FLUX, grouping), grouping, "climatology")
    assert labels.tolist() == list(range(1, 13))
    assert sums.counted[0].tolist() == [2, 2, *[2] * 10]
    # February 2000 with 29 mm and 2001 with 84 mm; that of 2002 lacks its last day.
    assert sums.amount.total[0, 1] == (29 + 84) / 2
    np.testing.assert_allclose(sums.amount.value[0, 1], (29 + 84) / (29 + 28))
    assert sums.amount.total[0, 0] == (31 + 93) / 2


def test_a_climatology_of_days_keeps_the_29th_of_february_apart() -> None:
    span = days("1999-01-01", "2000-12-31")
    values = (span.astype("datetime64[D]").astype(int) % 7 + 1.0).astype(np.float32)[None]
    grouping = periods(span, "climatology-daily")
    labels, sums = climatology(aggregate(values, values > 0, STORE, grouping), grouping, "climatology-daily")
    assert labels.tolist() == list(range(1, 367))
    assert sums.counted[0, 59] == 1
    assert sums.amount.value[0, 59] == values[0, span == np.datetime64("2000-02-29")][0]
    first_of_march = values[0, np.isin(span, np.array(["1999-03-01", "2000-03-01"], "datetime64[D]"))]
    assert sums.amount.value[0, 60] == first_of_march.mean()
    assert sums.counted[0, 60] == 2
    assert labels[-1] == 366, "31 December in every year"


def test_every_aggregation_is_tried() -> None:
    assert set(AGGREGATIONS) == {
        "daily",
        "monthly",
        "annual",
        "water-year",
        "climatology",
        "climatology-daily",
    }
