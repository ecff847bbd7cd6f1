"""What `dhbv benchmark` times: medians of alternated runs, so that ratios hold on a noisy machine."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dhbv import configuration, normalisation
from dhbv.attributes import PAPER_ATTRIBUTES
from dhbv.configuration import Config, ModelConfig, NetworkConfig, TrainingConfig
from dhbv.kernels import native
from dhbv.kernels.autograd import Choice, select
from dhbv.kernels.forms import OUTPUTS
from dhbv.physics import hbv
from dhbv.physics.parameters import PARAMETERS, variant
from dhbv.physics.variables import RUNOFF
from dhbv.training.sampler import TrainingData
from dhbv.training.trainer import Trainer

BASINS, COMPONENTS, DAYS = 100, 16, 730
"""A minibatch as the papers train it: a year of warm-up and a year that is scored."""

INFERENCE_BASINS, INFERENCE_DAYS = 671, 5475
"""All of CAMELS-US over fifteen years."""

Result = dict[str, Any]


def machine(device: str) -> Result:
    """What the figures were measured on."""
    described: Result = {
        "processor": _processor(), "cores": native.processors(), "torch": torch.__version__,
        "numpy": np.__version__, "python": platform.python_version(), "threads": torch.get_num_threads(),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
    }  # fmt: skip
    if device == "cuda":
        described["gpu"] = torch.cuda.get_device_name()
    return described


def kernels(device: str, rounds: int) -> Result:
    """HBV forward and backward through 730 days: the plain loop, the generated kernel and, if the package
    is installed, hydrodl2's model of the same equations.

    Returns:
        Milliseconds of each, and the ratios `hbv_forward_backward_vs_eager` and `…_vs_hydrodl2`.
    """
    weather = _weather(DAYS, BASINS).to(device)
    parameters = _parameters(device, BASINS, dynamic=True)
    start = hbv.initial_stores(parameters["fc"].detach())

    def run(kernel: Choice) -> Callable[[], None]:
        simulate = select(kernel, device)

        def once() -> None:
            for value in parameters.values():
                value.grad = None
            _, runoff = simulate(start, weather, parameters, RUNOFF)
            torch.stack([runoff[name].sum() for name in RUNOFF]).sum().backward()

        return once

    runs = {"eager": run("eager"), "generated": run("auto")} | _peer(weather)
    ms = _alternate(runs, rounds, device)
    ratios = {
        f"hbv_forward_backward_vs_{name}": ms[name] / ms["generated"] for name in ms if name != "generated"
    }
    return {"hbv_forward_backward_ms": ms, **ratios}


def _peer(weather: Tensor) -> dict[str, Callable[[], None]]:
    """hydrodl2's HBV on the same weather, β and γ dynamic, with its routing; nothing if it is not installed."""
    try:
        hydrodl2 = import_module("hydrodl2")
    except ImportError:
        return {}
    dynamic = {"Hbv": ["parBETA", "parBETAET"]}
    config = {"nmul": COMPONENTS, "warmup": 0, "dynamic_params": dynamic}
    model = hydrodl2.load_model("hbv")(config, device=weather.device)
    generator = torch.Generator().manual_seed(0)
    size = (*weather.shape[:2], model.learnable_param_count)
    logits = torch.randn(size, generator=generator).to(weather.device).requires_grad_()

    def once() -> None:
        logits.grad = None
        model({"x_phy": weather}, logits)["streamflow"].sum().backward()

    return {"hydrodl2": once}


def training(device: str, rounds: int) -> Result:
    """A whole training step, 100 basins × (365 + 365) days, with the plain loop and the generated kernel.

    Returns:
        Milliseconds of each for the papers' LSTM (256) and the default network, and the ratios
        `training_step_vs_eager` (papers') and `default_training_step_vs_eager`.
    """
    result: Result = {}
    networks = {
        "": NetworkConfig(kind="lstm", hidden=256, dropout=0.5),
        "default_": NetworkConfig(),
    }
    for label, network in networks.items():
        steps = {}
        for name, kernel in (("eager", "eager"), ("generated", "auto")):
            trainer = _trainer(network, device)
            trainer.model.kernel = kernel  # type: ignore[assignment]
            steps[name] = lambda t=trainer: t.step(t.sampler.draw())
        ms = _alternate(steps, rounds, device)
        result[f"{label}training_step_ms"] = ms
        result[f"{label}training_step_vs_eager"] = ms["eager"] / ms["generated"]
    return result


def inference(device: str, rounds: int) -> Result:
    """HBV forward over 671 basins × 5475 days, every flux and store, without gradient.

    Returns:
        Seconds, and `basin_days_per_s`.
    """
    weather = _weather(INFERENCE_DAYS, INFERENCE_BASINS)
    parameters = {name: v.detach() for name, v in _parameters("cpu", INFERENCE_BASINS, dynamic=False).items()}
    start = hbv.initial_stores(parameters["fc"])
    if device == "cpu":
        arrays = {name: value.numpy() for name, value in parameters.items()}
        stores, forcing = hbv.Stores(*(s.numpy() for s in start)), weather.numpy()

        def once() -> object:
            return native.simulate(stores, forcing, arrays, OUTPUTS)

    else:
        moved = {name: value.to(device) for name, value in parameters.items()}
        beginning, there = hbv.Stores(*(s.to(device) for s in start)), weather.to(device)

        def once() -> object:
            with torch.no_grad():
                return select("auto", device)(beginning, there, moved, OUTPUTS)

    seconds = _alternate({"generated": once}, rounds, device)["generated"] / 1e3
    return {"inference_s": seconds, "basin_days_per_s": INFERENCE_BASINS * INFERENCE_DAYS / seconds}


BENCHMARKS = {"kernels": kernels, "training": training, "inference": inference}


def _alternate(runs: Mapping[str, Callable[[], object]], rounds: int, device: str) -> dict[str, float]:
    """Median milliseconds of each run, taken in turn so that all meet the same noise; one warm-up each."""
    torch.set_flush_denormal(True)
    times: dict[str, list[float]] = {name: [] for name in runs}
    for n in range(rounds + 1):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            if device == "cuda":
                torch.cuda.synchronize()
            if n:
                times[name].append(1e3 * (time.perf_counter() - began))
    torch.set_flush_denormal(False)
    return {name: statistics.median(values) for name, values in times.items()}


def _weather(days: int, basins: int) -> Tensor:
    """Weather [days, basins, 3] with wet and dry days, cold and warm seasons."""
    rng = np.random.default_rng(0)
    season = -np.cos(2.0 * np.pi * np.arange(days) / 365.25)[:, None]
    p = rng.gamma(0.5, 12.0, (days, basins)) * (rng.random((days, basins)) < 0.4)
    t = 6.0 + 12.0 * season + rng.normal(0.0, 4.0, (days, basins))
    ep = np.clip(2.0 + 2.0 * season + rng.normal(0.0, 0.5, (days, basins)), 0.0, None)
    return torch.from_numpy(np.stack([p, t, ep], -1).astype(np.float32))


def _parameters(device: str, basins: int, *, dynamic: bool) -> dict[str, Tensor]:
    """Random parameters of δ(γt,βt), as leaves that need a gradient."""
    form, generator = variant("delta_bt_gt"), torch.Generator().manual_seed(0)
    drawn = {}
    for name in form.parameters:
        days = (DAYS,) if dynamic and name in form.dynamic else ()
        fraction = torch.rand((*days, basins, COMPONENTS), generator=generator)
        drawn[name] = PARAMETERS[name].scale(fraction).to(device).requires_grad_()
    return drawn


def _trainer(network: NetworkConfig, device: str) -> Trainer:
    """A trainer over random data of 120 basins and four years."""
    forcing = _weather(4 * 365, 120)
    names = PAPER_ATTRIBUTES
    table = {name: np.random.default_rng(k).normal(size=120).tolist() for k, name in enumerate(names)}
    statistics_ = normalisation.fit(forcing.numpy(), table, names)
    attributes = normalisation.normalise_attributes(table, statistics_).values.astype(np.float32)
    content = {
        "train": {"start": "2000-01-01", "end": "2003-12-30"},
        "test": {"start": "2004-01-01", "end": "2004-12-31"},
    }
    config = Config(
        data=configuration.parse(content, configuration.DataConfig, source="benchmark"),
        model=ModelConfig(network=network), training=TrainingConfig(batch_basins=BASINS),
    )  # fmt: skip
    flow = 0.4 * forcing[..., 0] + 0.1
    data = TrainingData(forcing, flow, torch.from_numpy(attributes), tuple(f"b{k}" for k in range(120)))
    return Trainer(config, statistics_, data.to(torch.device(device)))


def _processor() -> str:
    """The processor's own name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine()) + f", {os.cpu_count()} cores"
