"""A model is a directory: weights, configuration, statistics, scores and checksums of them all.

Training writes it, the runtime and BMI read it, and nothing else is needed to run it. It is
written beside its place and renamed into it, so it is never seen half made; it is never changed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from dhbv import __version__, configuration, network_shapes
from dhbv.configuration import Config
from dhbv.errors import ModelDirectoryError
from dhbv.files import folder_written_whole
from dhbv.normalisation import Statistics
from dhbv.physics.parameters import PARAMETERS

FORMAT = 1
WEIGHTS = "weights.safetensors"
CONFIG = "config.yaml"
STATISTICS = "statistics.json"
SCORES = "scores.json"
CARD = "README.md"
MANIFEST = "manifest.json"
TEST, HELD_OUT = "test period", "held-out basins"
"""Labels of the scores it keeps."""
_NEEDED = (WEIGHTS, CONFIG, STATISTICS, SCORES)
_WRITTEN_HERE = (*_NEEDED, CARD)


@dataclass(frozen=True, eq=False)
class ModelDirectory:
    """A trained model as it lies on disk, read and verified."""

    path: Path
    config: Config
    statistics: Statistics
    weights: dict[str, NDArray[np.float32]]
    manifest: dict[str, Any]
    scores: dict[str, Any]

    @property
    def weights_sha256(self) -> str:
        """What states and outputs name to say which weights made them."""
        sha256: str = self.manifest["files"][WEIGHTS]
        return sha256

    @property
    def files(self) -> list[Path]:
        """All that it consists of."""
        return [self.path / name for name in (MANIFEST, *self.manifest["files"])]


def save(
    path: Path,
    config: Config,
    statistics: Statistics,
    weights: Mapping[str, NDArray[np.float32]],
    *,
    data_digest: str,
    scores: Mapping[str, Any],
    extra: Mapping[str, bytes] | None = None,
) -> ModelDirectory:
    """Write a model directory at `path`, which must be free or an empty folder, all at once.

    Args:
        path: where it shall lie.
        config: how the model was made.
        statistics: of the training data.
        weights: arrays of gA by name.
        data_digest: sha256 of exactly the data trained on.
        scores: summaries by label, see `dhbv.evaluation.scores.summary`.
        extra: further files by name, such as the loss curve.

    Raises:
        ModelDirectoryError: if something lies at `path` already, or the weights are not finite or not
            those of `config`.
    """
    refuse_occupied(path)
    network_shapes.check(weights, config.model, str(path))
    contents = {
        WEIGHTS: save_arrays({name: np.ascontiguousarray(w) for name, w in sorted(weights.items())}),
        CONFIG: configuration.dump(config).encode(),
        STATISTICS: msgspec.json.format(msgspec.json.encode(statistics), indent=1),
        SCORES: (json.dumps(scores, indent=1, allow_nan=False) + "\n").encode(),
        **(extra or {}),
    }
    manifest = {
        "format": FORMAT,
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "code_version": __version__,
        "data_digest": data_digest,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
    }
    card = _card(path.name, config, manifest, scores).encode()
    manifest["files"][CARD] = hashlib.sha256(card).hexdigest()  # type: ignore[index]
    contents |= {CARD: card, MANIFEST: (json.dumps(manifest, indent=1) + "\n").encode()}

    with folder_written_whole(path) as draft:
        for name, content in contents.items():
            (draft / name).write_bytes(content)
    return load(path)


def with_files(model: ModelDirectory, path: Path, extra: Mapping[str, bytes]) -> ModelDirectory:
    """The same model as a new directory at `path` that holds further files, such as a scorecard; see `save`."""
    kept = {n: _read(model.path / n) for n in model.manifest["files"] if n not in _WRITTEN_HERE}
    return save(
        path, model.config, model.statistics, model.weights,
        data_digest=model.manifest["data_digest"], scores=model.scores, extra={**kept, **extra},
    )  # fmt: skip


def refuse_occupied(path: Path) -> None:
    """Raise ModelDirectoryError unless `path` is free or an empty folder."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ModelDirectoryError(
            f"{path} already holds something: model directories are never changed, so choose another place or remove it"
        )


def load(path: Path) -> ModelDirectory:
    """Read the model directory at `path` and verify every file against its checksum.

    Raises:
        ModelDirectoryError: if it is no model directory, a file is missing or damaged, its format is
            another, or the weights are not those of its configuration; the message names the file.
    """
    path = Path(path)
    if not (path / MANIFEST).is_file():
        raise ModelDirectoryError(
            f"{path} is not a model directory: it has no {MANIFEST}; `dhbv train` makes one"
        )
    try:
        manifest = json.loads(_read(path / MANIFEST))
    except ValueError as error:
        raise ModelDirectoryError(f"{path / MANIFEST} is damaged: {error}; copy it anew") from None
    if not isinstance(manifest, dict):
        raise ModelDirectoryError(f"{path / MANIFEST} is damaged: no JSON object; copy it anew")
    if manifest.get("format") != FORMAT:
        raise ModelDirectoryError(
            f"{path} has model format {manifest.get('format')}, this version reads {FORMAT}: "
            f"it was written by delta-hbv {manifest.get('code_version')}; use that version or train again"
        )
    files = manifest.get("files")
    absent = set(_NEEDED).difference(files if isinstance(files, dict) else ())
    if absent:
        raise ModelDirectoryError(
            f"{path / MANIFEST} is damaged: it does not list {', '.join(sorted(absent))}; copy it anew"
        )
    contents = {}
    for name, expected in manifest["files"].items():
        contents[name] = _read(path / name)
        if hashlib.sha256(contents[name]).hexdigest() != expected:
            raise ModelDirectoryError(
                f"{path / name} is damaged: its sha256 is not the one in {MANIFEST}; copy it anew"
            )
    weights = load_arrays(contents[WEIGHTS])
    statistics = msgspec.json.decode(contents[STATISTICS], type=Statistics)
    config = configuration.load(path / CONFIG, Config)
    if tuple(a.name for a in statistics.attributes) != config.model.attributes:
        raise ModelDirectoryError(
            f"{path}: {STATISTICS} and {CONFIG} name different attributes; copy it anew"
        )
    network_shapes.check(weights, config.model, str(path))
    return ModelDirectory(path, config, statistics, weights, manifest, json.loads(contents[SCORES]))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelDirectoryError(
            f"cannot read {path}: {error.strerror}; copy the model directory anew"
        ) from error


def _card(name: str, config: Config, manifest: Mapping[str, Any], scores: Mapping[str, Any]) -> str:
    """The model card a person reads first."""
    form, network = config.model.form, config.model.network
    lines = [
        f"# {name}",
        "",
        f"δ-HBV variant `{config.model.variant}`, {config.model.components} components per basin, "
        f"gA `{network.kind}` (LSTM width {network.hidden}).",
        "",
        "| | |",
        "|---|---|",
        f"| dynamic parameters | {', '.join(f'{PARAMETERS[p].symbol}' for p in form.dynamic) or 'none'} |",
        f"| trained on | {len(config.data.basins or ())} basins, {config.data.train} |",
        f"| tested on | {config.data.test} |",
        f"| weights sha256 | `{manifest['files'][WEIGHTS]}` |",
        f"| data digest | `{manifest['data_digest']}` |",
        f"| delta-hbv | {manifest['code_version']}, {manifest['created']} |",
        "",
        "Inputs: precipitation (mm d-1), daily minimum and maximum temperature (degC), latitude, and the attributes "
        f"{', '.join(config.model.attributes)}.",
        "",
    ]
    for label, summary in scores.items():
        median = ", ".join(f"{k} {v:.3f}" for k, v in summary["median"].items() if v is not None)
        lines += [f"Median scores, {label}, {summary['n_basins']} basins: {median}.", ""]
    return "\n".join(lines)
