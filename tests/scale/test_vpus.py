"""Chunks keep to the VPUs that the attribute table tells, so a shard may be one of them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dhbv.errors import DhbvError
from dhbv.scale.chunks import WHOLE, Shard, divide, part
from dhbv.scale.run_folder import RunFolder
from tests.scale.conftest import Nation, content
from tests.scale.test_national import fluxes

NAMES = ["01"] * 7 + ["03W"] * 12 + ["02"] * 4
"""In the order of the forcing, which need not be that of the names."""


def with_vpus(nation: Nation, folder: Path, names: list[str | None], column: str = "vpuid") -> Nation:
    """The domain with VPUs in a table whose rows are in another order."""
    folder.mkdir(parents=True, exist_ok=True)
    table = pd.read_parquet(nation.domain.attributes).assign(**{column: names})
    table.sample(frac=1.0, random_state=1).to_parquet(folder / "vpus.parquet")
    return nation._replace(domain=nation.domain._replace(attributes=folder / "vpus.parquet"))


def test_no_chunk_lies_in_two() -> None:
    chunks = divide(23, 5, {"01": 7, "03W": 12, "02": 4})
    assert [(c.first, c.stop, c.vpu) for c in chunks] == [
        (0, 5, "01"), (5, 7, "01"), (7, 12, "03W"), (12, 17, "03W"), (17, 19, "03W"), (19, 23, "02"),
    ]  # fmt: skip
    assert [c.number for c in chunks] == list(range(6))
    assert sum((part(chunks, Shard(vpu=v)) for v in ("01", "03W", "02")), ()) == chunks == part(chunks, WHOLE)
    assert chunks[2].described == "chunk 00002 (catchments 8 to 12 of VPU 03W)"


@pytest.mark.parametrize("column", ["vpuid", "vpu"])
def test_vpus_together_are_the_whole_bitwise(nation: Nation, tmp_path: Path, column: str) -> None:
    cut = with_vpus(nation, tmp_path, NAMES, column)
    cut.day(1, tmp_path / "whole")
    assert RunFolder.open(tmp_path / "whole").identity.vpus == {"01": 7, "03W": 12, "02": 4}
    done = [cut.day(1, tmp_path / "out", shard=Shard(vpu=v)).catchments for v in ("02", "01", "03W", "03W")]
    assert done == [4, 7, 12, 0]
    assert content(tmp_path / "out") == content(tmp_path / "whole")
    # As one that is cut otherwise, from states that are cut otherwise.
    pd.testing.assert_frame_equal(
        fluxes(tmp_path / "out"), fluxes(nation.folder / "second"), rtol=2e-5, atol=1e-5
    )
    halves = [cut.day(1, tmp_path / "halves", shard=Shard(k, 2)).catchments for k in (1, 2)]
    assert halves == [12, 11]
    assert content(tmp_path / "halves") == content(tmp_path / "whole")


def test_csv_keeps_leading_zeros(nation: Nation, tmp_path: Path) -> None:
    cut = with_vpus(nation, tmp_path, ["01"] * 20 + ["02"] * 3)
    file = tmp_path / "vpus.csv"
    pd.read_parquet(cut.domain.attributes).to_csv(file, index=False)
    cut = cut._replace(domain=cut.domain._replace(attributes=file))
    assert cut.day(0, tmp_path / "out", shard=Shard(vpu="02")).catchments == 3


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (None, r"no column vpuid or vpu, which tells each catchment's VPU .*: add it, or write --shard as 2/8"),
        ([*NAMES[:-1], "01"], r"the catchments of VPU 01 do not stand together in the forcing: write the forcing"),
        ([None, *NAMES[1:]], r"catchment cat-1 has no VPU \(1 of 23\): fill the column"),
    ],
)  # fmt: skip
def test_a_vpu_is_refused_where_they_are_not_told_apart(
    nation: Nation, tmp_path: Path, names: list[str | None] | None, message: str
) -> None:
    cut = nation if names is None else with_vpus(nation, tmp_path, names)
    with pytest.raises(DhbvError, match=rf"\.parquet: {message}"):
        cut.day(1, tmp_path / "out", shard=Shard(vpu="01"))
    assert not (tmp_path / "out").exists()
    # By count it runs all the same, in chunks that keep to no VPU.
    assert cut.day(1, tmp_path / "out", shard=Shard(1, 2)).catchments == 10
    assert RunFolder.open(tmp_path / "out").identity.vpus == {}


def test_a_vpu_that_is_not_there_is_named(nation: Nation, tmp_path: Path) -> None:
    cut = with_vpus(nation, tmp_path, NAMES)
    with pytest.raises(
        DhbvError, match=r"--shard vpu:17: no such VPU in this domain; there are: 01, 03W, 02"
    ):
        cut.day(1, tmp_path / "out", shard=Shard(vpu="17"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["2/8", "vpu:03W"])
def test_a_shard_is_written_as_it_is_read(text: str) -> None:
    assert str(Shard.parse(f" {text} ")) == text


@pytest.mark.parametrize("text", ["vpu:", "vpu=01", "01", "1/0", "a/b"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(DhbvError, match=r"write it as 2/8, the second of eight parts, or as vpu:03W"):
        Shard.parse(text)
