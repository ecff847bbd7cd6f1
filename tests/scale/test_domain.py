"""A drawn domain lies in the real formats, and its attributes are found whatever their file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dhbv import model_directory
from dhbv.attributes import PAPER_ATTRIBUTES
from dhbv.data import nextgen
from dhbv.errors import DhbvError
from dhbv.normalisation import normalise_attributes
from dhbv.physics.hargreaves import mean_temperature
from dhbv.scale import domain as domains
from dhbv.scale.attributes import DomainAttributes
from dhbv.scale.chunks import Chunk
from dhbv.scale.domain import write_domain
from tests.scale.conftest import CATCHMENTS, DAYS, Nation, content

IDS = [f"cat-{k + 1}" for k in range(CATCHMENTS)]
NAMES = ("p_mean", "geol_1st_class")
ALL = Chunk(0, 0, CATCHMENTS)


def test_nextgens_reader_finds_plausible_weather(nation: Nation) -> None:
    weather = nextgen.read_forcing(nation.domain.forcing)
    assert list(weather["basin"].values) == IDS
    assert [str(t)[:10] for t in weather["time"].values] == ["2026-10-01", "2026-10-02"]
    prcp, tmin, tmax = (weather[n].values for n in ("prcp", "tmin", "tmax"))
    assert (prcp >= 0.0).all()
    assert 0.1 < (prcp > 0.0).mean() < 0.9
    assert (tmax - tmin >= 0.9).all()
    assert (np.abs(mean_temperature(tmin, tmax) - 12.0) < 30.0).all()


def test_attributes_are_those_the_shipped_model_needs_and_like_those_it_has_seen(tmp_path: Path) -> None:
    model = model_directory.load(Path(__file__).parents[2] / "models" / "camels_us_531")
    table = pd.read_parquet(write_domain(tmp_path, 500).attributes)
    assert set(PAPER_ATTRIBUTES) < set(table)
    found = normalise_attributes({n: table[n].tolist() for n in table}, model.statistics)
    assert set(found.missing) <= {"geol_2nd_class"}, "as in CAMELS, a catchment of one rock has no second"
    # So few days have few runs of wet days, and short ones.
    seen = [k for k, name in enumerate(found.names) if not name.endswith("_prec_dur")]
    assert (found.beyond.mean(0)[seen] < 0.2).all(), found.outside
    assert np.isfinite(found.values).all()
    assert np.abs(found.values).max() < 20.0


@pytest.mark.parametrize("name", ["forcings.nc", "attributes.parquet"])
def test_files_that_are_there_are_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("a real one")
    with pytest.raises(DhbvError, match=f"{name} is there already: give another --out, or remove it"):
        write_domain(tmp_path, 3)
    assert content(tmp_path) == {name: b"a real one"}


def test_it_is_drawn_block_by_block_and_the_same_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domains, "BLOCK", 8)
    seen: list[tuple[int, int]] = []
    made = write_domain(tmp_path / "a", 20, on_progress=lambda *p: seen.append(p))
    assert seen == [(8, 20), (16, 20), (20, 20)]
    write_domain(tmp_path / "b", 20)
    write_domain(tmp_path / "c", 20, seed=1)
    tables = [pd.read_parquet(tmp_path / n / "attributes.parquet") for n in "abc"]
    assert tables[0].equals(tables[1])
    assert not tables[0].equals(tables[2])
    assert tables[0]["gauge_lat"].is_unique
    assert list(tables[0]["basin"]) == list(nextgen.read_forcing(made.forcing)["basin"].values) == IDS[:20]
    assert set(content(tmp_path / "a")) == {"attributes.parquet", "forcings.nc"}


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
@pytest.mark.parametrize("key", ["basin", "gauge_id"])
def test_rows_are_found_by_id_in_any_order(nation: Nation, tmp_path: Path, suffix: str, key: str) -> None:
    table = pd.read_parquet(nation.domain.attributes)
    other = table.assign(basin="cat-of-no-forcing").head(1)
    shuffled = pd.concat([table.sample(frac=1.0, random_state=0), other]).rename(columns={"basin": key})
    shuffled.loc[shuffled[key] == "cat-3", "p_mean"] = None
    file = tmp_path / f"table{suffix}"
    shuffled.to_parquet(file) if suffix == ".parquet" else shuffled.to_csv(file, index=False)
    found = DomainAttributes(file, IDS, NAMES)
    columns = found.columns(Chunk(1, 2, 5))
    assert columns["geol_1st_class"] == table["geol_1st_class"][2:5].tolist()
    assert columns["p_mean"][0] is None
    assert columns["p_mean"][1:] == pytest.approx(table["p_mean"][3:5].tolist())
    np.testing.assert_allclose(found.latitude(columns), table["gauge_lat"][2:5])


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda t: t.drop(columns=["gauge_lat", "p_mean"]),
            r"the attribute table lacks p_mean, gauge_lat: the model",
        ),
        (lambda t: t.rename(columns={"basin": "id"}), r"no key column: one of gauge_id or basin must hold"),
        (lambda t: t.drop(index=[2, 7]), r"no row for catchment cat-3, cat-8 \(2 of 23\): add the rows"),
        (lambda t: pd.concat([t, t[4:6]]), r"basin cat-5, cat-6 has more than one row: keep each once"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(nation: Nation, tmp_path: Path, edit, message: str) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "table.parquet"
    edit(pd.read_parquet(nation.domain.attributes)).to_parquet(file)
    broken = nation._replace(domain=nation.domain._replace(attributes=file))
    with pytest.raises(DhbvError, match=f"table.parquet: {message}"):
        broken.day(0, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_table_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(DhbvError, match=r"none.parquet: no such attribute table: check the path"):
        DomainAttributes(tmp_path / "none.parquet", IDS, NAMES)
    file = tmp_path / "text.parquet"
    file.write_text("basin\n")
    with pytest.raises(DhbvError, match=r"text.parquet: not readable as Parquet"):
        DomainAttributes(file, IDS, NAMES)


def test_a_period_beyond_the_forcing_is_refused(nation: Nation, tmp_path: Path) -> None:
    domain = nation.domain._replace(forcing=tmp_path / "short.nc")
    write_domain(tmp_path, CATCHMENTS)[1].rename(domain.forcing)
    with pytest.raises(
        DhbvError, match=r"covers 2026-10-01T00..2026-10-01T23 of 2026-10-02T00..2026-10-02T23"
    ):
        nation._replace(domain=domain).day(1, tmp_path / "out")
    assert DAYS[1].start.isoformat() == "2026-10-02"
