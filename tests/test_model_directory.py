"""A model directory is written whole, read back equal, and never read damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dhbv import model_directory
from dhbv.errors import ModelDirectoryError
from dhbv.model_directory import CONFIG, MANIFEST, SCORES, STATISTICS, WEIGHTS, ModelDirectory

Make = Callable[..., ModelDirectory]


def test_what_was_saved_is_loaded(make_directory: Make) -> None:
    saved = make_directory()
    again = model_directory.load(saved.path)
    assert again.config == saved.config
    assert again.statistics == saved.statistics
    assert again.weights_sha256 == saved.weights_sha256
    assert all(np.array_equal(again.weights[name], w) for name, w in saved.weights.items())


def test_equal_weights_have_equal_sha256_and_others_not(make_directory: Make) -> None:
    first = make_directory()
    copy = model_directory.save(
        first.path.with_name("copy"), first.config, first.statistics,
        dict(reversed(first.weights.items())), data_digest="other", scores={},
    )  # fmt: skip
    assert copy.weights_sha256 == first.weights_sha256
    assert make_directory(seed=1).weights_sha256 != first.weights_sha256


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG, STATISTICS, SCORES])
def test_a_flipped_bit_is_refused_by_file(make_directory: Make, name: str) -> None:
    path = make_directory().path / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ModelDirectoryError, match=rf"{name} is damaged"):
        model_directory.load(path.parent)


def test_a_missing_file_is_refused_by_name(make_directory: Make) -> None:
    path = make_directory().path
    (path / WEIGHTS).unlink()
    with pytest.raises(ModelDirectoryError, match=rf"cannot read .*{WEIGHTS}"):
        model_directory.load(path)


def test_a_folder_without_manifest_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelDirectoryError, match="not a model directory"):
        model_directory.load(tmp_path)


def test_another_format_is_refused(make_directory: Make) -> None:
    path = make_directory().path / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    with pytest.raises(ModelDirectoryError, match="model format 99"):
        model_directory.load(path.parent)


def test_a_model_directory_is_never_overwritten(make_directory: Make) -> None:
    first = make_directory()
    before = (first.path / MANIFEST).read_bytes()
    with pytest.raises(ModelDirectoryError, match="already holds something"):
        make_directory()
    assert (first.path / MANIFEST).read_bytes() == before


def test_a_directory_that_cannot_be_written_leaves_nothing(
    make_directory: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_directory()
    written = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name == SCORES:
            raise OSError(28, "No space left on device")
        return written(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        make_directory(seed=1)
    assert list(first.path.parent.iterdir()) == [first.path]


def test_the_card_tells_what_it_is(make_directory: Make) -> None:
    model = make_directory()
    card = (model.path / "README.md").read_text(encoding="utf-8")
    assert model.weights_sha256 in card
    assert "delta_bt_gt" in card
    assert "geol_1st_class" in card


def test_weights_that_are_not_the_configurations_are_neither_written_nor_read(
    make_directory: Make, tmp_path: Path
) -> None:
    model = make_directory()
    short = model.weights | {"head.weight": model.weights["head.weight"][:-1]}
    keep = {"data_digest": "none", "scores": {}}
    with pytest.raises(
        ModelDirectoryError, match=r"head\.weight has the shape \[7, 8\], the configuration makes it"
    ):
        model_directory.save(tmp_path / "short", model.config, model.statistics, short, **keep)
    infinite = model.weights | {"head.bias": np.full_like(model.weights["head.bias"], np.inf)}
    with pytest.raises(ModelDirectoryError, match=r"head\.bias is not finite"):
        model_directory.save(tmp_path / "infinite", model.config, model.statistics, infinite, **keep)
    assert sorted(p.name for p in tmp_path.iterdir()) == [model.path.name]
    other = make_directory("mlp", "delta")
    manifest = json.loads((model.path / MANIFEST).read_text())
    manifest["files"][WEIGHTS] = other.weights_sha256
    (model.path / WEIGHTS).write_bytes((other.path / WEIGHTS).read_bytes())
    (model.path / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ModelDirectoryError, match=r"needs arrays that are absent \(embedding\.bias"):
        model_directory.load(model.path)


def test_a_damaged_manifest_is_said(make_directory: Make) -> None:
    path = make_directory().path
    (path / MANIFEST).write_text((path / MANIFEST).read_text()[:-20])
    with pytest.raises(ModelDirectoryError, match=r"manifest\.json is damaged: .*; copy it anew"):
        model_directory.load(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([], "no JSON object"),
        ({"format": 1}, "it does not list config.yaml, scores.json, statistics.json, weights.safetensors"),
        ({"format": 1, "files": []}, "it does not list config.yaml"),
        (
            {"format": 1, "files": {WEIGHTS: "x", CONFIG: "x", STATISTICS: "x"}},
            "it does not list scores.json;",
        ),
    ],
)
def test_a_manifest_of_something_else_is_damaged(make_directory: Make, content: object, told: str) -> None:
    path = make_directory().path
    (path / MANIFEST).write_text(json.dumps(content))
    with pytest.raises(ModelDirectoryError, match=rf"manifest\.json is damaged: {told}.*copy it anew"):
        model_directory.load(path)


def test_further_files_make_a_new_directory_of_the_same_model(make_directory: Make, tmp_path: Path) -> None:
    model = make_directory()
    first = model_directory.with_files(model, tmp_path / "first", {"a.txt": b"a"})
    second = model_directory.with_files(first, tmp_path / "second", {"b.txt": b"b"})
    assert second.weights_sha256 == model.weights_sha256
    assert (second.config, second.statistics) == (model.config, model.statistics)
    assert [(second.path / n).read_bytes() for n in ("a.txt", "b.txt")] == [b"a", b"b"]
    assert {"a.txt", "b.txt"} <= second.manifest["files"].keys()
