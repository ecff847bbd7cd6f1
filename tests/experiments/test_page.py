"""The page of benchmarks holds the numbers of the results, published ones beside, and every figure it links to."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch")

from dhbv.experiments import report, results
from dhbv.experiments.published import PUBLISHED
from tests.experiments import made_up
from tests.experiments.made_up import table


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of every kind, some unfinished."""
    place = tmp_path_factory.mktemp("results")
    folds = [table(f"fold_{k}", 5, 0.5 + 0.02 * k, held_out=True, first=5 * k) for k in range(2)]
    subsets = [
        *(table(f"{n}_basins", n, 0.71, first=0) for n in (5, 10)),
        *(table(f"{n}_basins", 6, 0.3 + 0.01 * n, held_out=True, first=10) for n in (5, 10)),
    ]
    made = {
        "hbv": made_up.results("temporal", table("model", 21, 0.612), name="dPL+HBV"),
        "delta": made_up.results("temporal", table("model", 21, 0.687), name="δ"),
        "lstm": made_up.results("temporal", table("model", 21, 0.700), name="LSTM"),
        "pub": made_up.results("pub", *folds, name="δ", planned=10, folds=10, seed=3),
        "pur": made_up.results(
            "pur", table("north_west", 6, 0.456, held_out=True), name="δ|x", planned=7, regions={"north_west": [17]}
        ),
        "transfer": made_up.results("pub", table("all", 16, 0.25, held_out=True), name="HBV, transferred"),
        "scaling": made_up.results(
            "scaling", *subsets, name="δ", trained_on=(5, 10), seconds=(50.0, 80.0), seed=4, fractions=[0.5, 1.0]
        ),
        "ens": made_up.results(
            "ensemble", *(table(f"seed_{k}", 8, 0.6 + 0.01 * k) for k in range(2)), table("mean", 8, 0.653),
            name="δ", seeds=[0, 1],
        ),
    }  # fmt: skip
    for stem, r in made.items():
        results.write(r, place / f"{stem}.parquet")
    return place


@pytest.fixture(scope="module")
def page(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("page") / "benchmarks.md"
    report.write(folder, out)
    return out


def row(text: str, start: str) -> list[str]:
    """Cells of the first row that starts so."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {start} |"))
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def section(page: Path, title: str) -> str:
    return page.read_text().split(f"## {title}\n")[1].split("\n## ")[0]


def test_skill_of_other_years(page: Path) -> None:
    text = section(page, "Other years")
    middle = "0.687 (0.637 … 0.737)"
    assert row(text, "δ")[1:6] == ["21", middle, middle, "0.7 (0.6 … 0.7)", "0.7 (0.6 … 0.7)"]
    assert row(text, "δ")[6] == "1.00", "spatial correlation of BFI"
    assert text.index("| dPL+HBV | 21") < text.index("| δ | 21"), "from the lowest up"
    assert "2000-10-01..2003-09-30 → 2003-10-01..2004-09-30" in text
    gains = text.split("Median gain in NSE")[1]
    assert row(gains, "δ")[1:] == ["**+0.075 (+0.075 … +0.075)**", "–"]
    assert row(gains, "LSTM")[1:] == ["**+0.088 (+0.088 … +0.088)**", "**+0.013 (+0.013 … +0.013)**"]


def test_ungauged_basins_beside_the_same_gauged(page: Path) -> None:
    text = section(page, "Ungauged basins")
    assert "δ: 2 of 10 are done, drawn by seed 3." in text
    assert row(text, "fold_1")[1:3] == ["5", "0.520 (0.470 … 0.570)"]
    assert row(text, "δ")[1] == "10"
    assert row(text, "δ")[2].startswith("0.510 (")
    assert row(text.split("Median gain in NSE")[1], "δ")[1].startswith("**+0.300 "), (
        "on the ten that both hold out"
    )
    assert re.search(
        r"δ: the same basins, trained on .* median NSE of 0\.632; held out they gain \*\*-0\.1", text
    )


def test_ungauged_regions_say_their_units(page: Path) -> None:
    text = section(page, "Ungauged regions")
    assert "1 of 7 are done." in text
    assert row(text, "north_west (17)")[2] == "0.456 (0.406 … 0.506)"
    assert row(text, r"δ\|x")[1] == "6", "a bar in a name is no column"


def test_scaling_tells_skill_cost_and_coherence(page: Path) -> None:
    text = section(page, "Scaling curves")
    assert "6 basins held out, drawn by seed 4" in text
    assert row(text, "5") == [
        "5",
        "0.350",
        "0.710",
        "0.350",
        "0.710",
        "50",
        "10.00",
        "1.00",
        "1.00",
        "1.00",
        "1.00",
    ]
    assert row(text, "10")[1:7] == ["0.400", "0.710", "0.400", "0.710", "80", "8.00"]
    beside = row(text, "HBV, transferred (pub)")
    assert beside[1] == "0.317", "basins 10 to 15 of those 16"
    assert [cell.strip("*").split(" (")[0] for cell in beside[2:]] == ["+0.033", "+0.083"]
    assert "δ (pub)" not in text, "which holds other basins out"


def test_ensembles_tell_members_and_mean(page: Path) -> None:
    text = section(page, "Ensembles")
    assert [row(text, label)[2].split()[0] for label in ("seed_0", "seed_1", "mean")] == [
        "0.600",
        "0.610",
        "0.653",
    ]
    assert "- gain in NSE of the mean over seed_1: **+0.043 (+0.043 … +0.043)**" in text


def test_published_values_stand_in_their_sections(page: Path) -> None:
    for p in PUBLISHED:
        text = section(page, report.TITLES[p.kind]).split("Published")[1]
        values = [f"{v:.3f}" if v is not None else "–" for v in (p.nse, p.kge, p.bfi_correlation)]
        assert [p.model, p.setting, p.source, *values] in [
            [c.strip() for c in line.split("|")[1:-1]] for line in text.splitlines()
        ]


def test_published_values_are_those_of_the_papers() -> None:
    """Feng et al. (2022), table 2."""
    told = {p.model: (p.nse, p.bfi_correlation) for p in PUBLISHED if "NLDAS" in p.setting}
    assert told == {
        "δ(γt, βt)": (0.715, 0.745), "δ": (0.694, 0.729), "δ(βt)": (0.711, 0.692), "δ(γt)": (0.712, 0.726),
        "dPL+HBV": (0.628, 0.621), "LSTM": (0.72, None),
    }  # fmt: skip
    assert all(p.nse is not None or p.kge is not None for p in PUBLISHED)


def test_how_they_were_made(page: Path) -> None:
    text = section(page, "How they were made")
    assert row(text, "`ens`")[1:8] == [
        "δ",
        "delta_bt_gt, M = 4, lstm_mlp",
        "maurer",
        "2",
        "6",
        "2.0",
        "0, 1",
    ]
    assert "an abacus, 2 threads, torch 2.9" in text
    assert "`111111111111`" in text


def test_links_and_figures_are_the_same(page: Path) -> None:
    linked = re.findall(r"!\[.+\]\((.+)\)", page.read_text())
    assert len(linked) == len(set(linked))
    drawn = {f"benchmarks/{p.name}" for p in (page.parent / "benchmarks").iterdir()}
    assert drawn == set(linked)
    assert {Path(link).stem for link in linked} == {
        "temporal_nse", "temporal_kge", "temporal_nse_map", "temporal_kge_map", "temporal_baseflow",
        "pub_nse", "pub_kge", "pub_nse_map", "pub_kge_map",
        "pur_nse", "pur_kge", "pur_nse_map", "pur_kge_map", "scaling_scaling", "ensemble_ens",
    }  # fmt: skip
    assert all((page.parent / link).read_bytes().startswith(b"\x89PNG") for link in linked)


def test_the_same_results_give_the_same_bytes(folder: Path, page: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "scaling.parquet", tmp_path)
    first, second = (report.write(tmp_path, tmp_path / k / "benchmarks.md") for k in ("a", "b"))
    assert [path.name for path in first] == ["benchmarks.md", "scaling_scaling.png"]
    for path, again in zip(first, second, strict=True):
        assert path.read_bytes() == again.read_bytes(), path.name
    assert first[1].read_bytes() == (page.parent / "benchmarks" / first[1].name).read_bytes()


def test_models_of_one_name_are_told_apart_by_their_files(tmp_path: Path) -> None:
    for stem in ("a", "b"):
        results.write(
            made_up.results("temporal", table("model", 5, 0.5), name="δ"), tmp_path / f"{stem}.parquet"
        )
    report.write(tmp_path, tmp_path / "page.md")
    text = (tmp_path / "page.md").read_text()
    assert row(text, "δ (a)")[1] == row(text, "δ (b)")[1] == "5"
    assert row(text.split("Median gain")[1], "δ (b)")[1] == "+0.000 (+0.000 … +0.000)"


def test_basins_held_out_of_a_temporal_experiment_stand_apart(tmp_path: Path) -> None:
    rows = (table("model", 10, 0.7), table("model", 4, 0.4, held_out=True, first=10))
    results.write(made_up.results("temporal", *rows, name="δ"), tmp_path / "delta.parquet")
    fold = table("fold_0", 4, 0.38, held_out=True, first=10)
    results.write(made_up.results("pub", fold, name="δ", folds=10, seed=0), tmp_path / "pub.parquet")
    report.write(tmp_path, tmp_path / "page.md")
    years = section(tmp_path / "page.md", "Other years")
    seen, unseen = years.split("Basins that these trainings held out")
    assert row(seen, "δ")[1:3] == ["10", "0.700 (0.650 … 0.750)"]
    assert row(unseen, "δ")[1:3] == ["4", "0.400 (0.350 … 0.450)"]
    assert "the same basins, trained on" not in section(tmp_path / "page.md", "Ungauged basins")


def test_a_model_that_saw_past_flow_is_named(tmp_path: Path, page: Path) -> None:
    made = made_up.results("temporal", table("model", 5, 0.5), name="gz")
    model = made.header.config["model"]
    model["attributes"] = [*model["attributes"], "history_q_mean"]
    results.write(made, tmp_path / "gz.parquet")
    report.write(tmp_path, tmp_path / "page.md")
    told = "learns from signatures of past flow too, so that its BFI r is no independent test"
    assert f"gz: {told}" in (tmp_path / "page.md").read_text()
    assert told not in page.read_text()


def test_gains_of_many_models_are_over_the_published_ones(tmp_path: Path) -> None:
    names = ["δ (M = 1)", "LSTM", *(f"mine {k}" for k in range(8))]
    skill = {name: 0.5 + 0.01 * k for k, name in enumerate(names)} | {"weak": 0.49}
    for k, (name, nse) in enumerate(skill.items()):
        made = made_up.results("temporal", table("model", 5, nse), name=name)
        results.write(made, tmp_path / f"{k}.parquet")
    report.write(tmp_path, tmp_path / "page.md")
    gains = (tmp_path / "page.md").read_text().split("Median gain")[1]
    assert row(gains, "gain of ↓ over →")[1:] == ["δ (M = 1)", "LSTM"]
    assert row(gains, "LSTM")[1:] == ["**+0.010 (+0.010 … +0.010)**", "–"]
    assert row(gains, "mine 7")[1:] == ["**+0.090 (+0.090 … +0.090)**", "**+0.080 (+0.080 … +0.080)**"]
    assert row(gains, "weak")[1:] == ["**-0.010 (-0.010 … -0.010)**", "**-0.020 (-0.020 … -0.020)**"]
    with pytest.raises(StopIteration):
        row(gains, "δ (M = 1)")
