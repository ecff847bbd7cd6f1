"""Zarr holds what NetCDF does, gives the same numbers to the bit, and is refused where it cannot be read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dhbv.data.schema import DataError
from dhbv.errors import DhbvError
from dhbv.scale import domain as domains
from dhbv.scale import forcing, forcing_files
from dhbv.scale.commands import is_domain
from dhbv.scale.domain import Domain, write_domain
from dhbv.scale.forcing import DomainForcing, digest, is_zarr
from tests.scale.conftest import CATCHMENTS, Nation, content

pytest.importorskip("zarr")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Domain:
    return write_domain(tmp_path_factory.mktemp("zarr"), CATCHMENTS, days=2, zarr=True)


@pytest.fixture
def domain(drawn: Domain, tmp_path: Path) -> Domain:
    """A copy to be harmed."""
    shutil.copytree(drawn.forcing, tmp_path / "forcings.zarr")
    return drawn._replace(forcing=tmp_path / "forcings.zarr")


def test_it_gives_the_numbers_of_netcdf_bitwise(nation: Nation, drawn: Domain, tmp_path: Path) -> None:
    assert is_domain(drawn.forcing)
    of_zarr = nation._replace(domain=drawn, folder=tmp_path)
    of_zarr.day(0, tmp_path / "first")
    of_zarr.day(1, tmp_path / "second")
    for folder in ("first", "second"):
        have, expected = (content(f / folder) for f in (tmp_path, nation.folder))
        states = [name for name in have if name.startswith("states")]
        assert len(states) == 5
        assert all(have[name] == expected[name] for name in states)
        tables = [
            pq.read_table(f / folder / "fluxes").replace_schema_metadata() for f in (tmp_path, nation.folder)
        ]
        assert tables[0].equals(tables[1])


def test_blocks_are_put_one_after_another(
    drawn: Domain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domains, "BLOCK", 9)
    with DomainForcing(write_domain(tmp_path, CATCHMENTS, zarr=True).forcing) as read:
        assert read.catchments == tuple(f"cat-{k + 1}" for k in range(CATCHMENTS))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["attributes.parquet", "forcings.zarr"]


def test_without_the_package_the_remedy_is_told(
    nation: Nation, drawn: Domain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forcing, "find_spec", lambda name: None)
    with pytest.raises(
        DataError, match=r"forcings.zarr: reading Zarr needs the package zarr: pip install 'delta"
    ):
        nation._replace(domain=drawn).day(0, tmp_path / "out")
    monkeypatch.setattr(forcing_files, "find_spec", lambda name: None)
    with pytest.raises(DhbvError, match=r"writing Zarr needs the package zarr: pip install"):
        write_domain(tmp_path, 3, zarr=True)


def test_a_group_of_something_else_is_named(domain: Domain, nation: Nation, tmp_path: Path) -> None:
    shutil.rmtree(domain.forcing / "ids")
    with pytest.raises(DataError, match=r"forcings.zarr: no NextGen forcing: .*missing: ids"):
        nation._replace(domain=domain).day(0, tmp_path / "out")


def test_a_lost_part_is_no_dry_weather(domain: Domain, nation: Nation, tmp_path: Path) -> None:
    (lost,) = (domain.forcing / "precip_rate").glob("[0-9]*")
    lost.unlink()
    with pytest.raises(DataError, match=r"precip_rate, 2026-10-01T00: prcp is missing"):
        nation._replace(domain=domain).day(0, tmp_path / "out")


def test_a_damaged_description_is_refused(domain: Domain) -> None:
    (domain.forcing / "Time" / ".zarray").write_text("{")
    with pytest.raises(DataError, match=r"forcings.zarr: not readable as Zarr"):
        DomainForcing(domain.forcing)


def test_the_digest_is_of_every_name_and_byte(domain: Domain) -> None:
    seen = {digest(domain.forcing)}
    (part,) = (domain.forcing / "ids").glob("[0-9]*")
    part.write_bytes(part.read_bytes()[:-1] + b"\1")
    seen.add(digest(domain.forcing))
    part.rename(part.with_name("9"))
    seen.add(digest(domain.forcing))
    assert len(seen) == 3


def test_a_folder_of_something_else_is_no_domain(tmp_path: Path) -> None:
    (tmp_path / "camels").mkdir()
    assert not is_zarr(tmp_path / "camels")
    assert not is_domain(tmp_path / "camels")
    (tmp_path / "camels" / "zarr.json").write_text("{}")
    assert is_domain(tmp_path / "camels"), "format 3"
