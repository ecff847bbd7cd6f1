"""Compile a kernel for the machine it runs on, once, and load it; no torch.

Built libraries are kept in `$DHBV_CACHE`, else the user's cache folder, under the digest of what
they were built from. Whatever goes wrong there is a reason to go on without, never an error.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import DTypeLike

from dhbv.kernels import cpp
from dhbv.kernels.forms import OUTPUTS, STORES, Form, form_of, lacking

L = TypeVar("L", bound="Library")

REALS = {np.dtype(np.float32): "float", np.dtype(np.float64): "double"}
"""The precisions there are kernels for, and their names in C++."""

_FLAGS = (
    "-std=c++17",
    "-O3",
    "-fPIC",
    "-shared",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-signed-zeros",
)
_PRECISION = {
    "float": ("-ffp-contract=fast",),
    # A fused product would decide ties (a pack exactly at its capacity) otherwise than the eager step.
    "double": ("-ffp-contract=off",),
}
_CHOICES = [
    (*threads, *machine)
    for threads in (("-fopenmp",), ())
    for machine in (("-march=native",), ("-mcpu=native",), ())
]
"""Flags that not every compiler knows, best first."""

_lock = threading.Lock()


class Library:
    """Two compiled loops over time, forward and in reverse, that take a structure `Run`."""

    def __init__(self, path: Path, run: type[ctypes.Structure], dtype: np.dtype[np.floating]) -> None:
        library = ctypes.CDLL(str(path))
        self.path, self.dtype, self.Run = path, dtype, run
        self.forward, self.reverse = library.run_forward, library.run_reverse
        for function in (self.forward, self.reverse):
            function.argtypes, function.restype = [ctypes.POINTER(run)], None


class Kernel(Library):
    """The compiled time loops of a form in one precision."""

    def __init__(self, path: Path, form: Form, dtype: np.dtype[np.floating]) -> None:
        super().__init__(path, _run_structure(len(form.parameters)), dtype)
        self.form = form


def load(form: Form, dtype: DTypeLike) -> tuple[Kernel | None, str]:
    """The kernel of a form and precision, built if need be, and where it is; or None and why not."""
    with _lock:
        return _load(form, _known(dtype))


def load_for(parameters: Iterable[str], dtype: DTypeLike) -> tuple[Kernel | None, str]:
    """As `load`, of the form that has these parameters."""
    names = tuple(parameters)
    form = form_of(names)
    return (None, lacking(names)) if form is None else load(form, dtype)


def _known(dtype: DTypeLike) -> np.dtype | str:
    """The dtype, or the name of one that numpy does not know."""
    try:
        return np.dtype(dtype)
    except TypeError:
        return str(dtype)


@cache
def _load(form: Form, dtype: np.dtype | str) -> tuple[Kernel | None, str]:
    return _built(form.name, lambda: cpp.source(form), dtype, lambda path, real: Kernel(path, form, real))


def load_lstm(dtype: DTypeLike) -> tuple[Library | None, str]:
    """The LSTM's kernel in a precision and where it is; or None and why not."""
    with _lock:
        return _load_lstm(_known(dtype))


@cache
def _load_lstm(dtype: np.dtype | str) -> tuple[Library | None, str]:
    return _built("lstm", cpp.lstm_source, dtype, lambda path, real: Library(path, LstmRun, real))


def _built(
    name: str, source: Callable[[], str], dtype: np.dtype | str, load: Callable[[Path, np.dtype], L]
) -> tuple[L | None, str]:
    """What `load` makes of the library of a source, from the first folder where that works."""
    if isinstance(dtype, str) or dtype not in REALS:
        return None, f"there are kernels for float32 and float64, not {dtype}"
    compiler = find_compiler()
    if compiler is None:
        return None, "no C++ compiler was found: $CXX, g++, clang++"
    reasons = []
    for folder, find in (("the user's cache folder", _kept_folder), ("a temporary folder", _own_folder)):
        try:
            where = find()
            folder = str(where)
            path = _build(compiler, source(), REALS[dtype], where, name)
            return load(path, dtype), str(path)
        # No home: RuntimeError; a compiler that speaks no text: ValueError.
        except (OSError, subprocess.SubprocessError, AttributeError, RuntimeError, ValueError) as problem:
            reasons.append(f"{folder}: {_explain(problem)}")
    return None, "the kernel could not be built in " + "; nor in ".join(reasons)


def find_compiler() -> tuple[str, ...] | None:
    """The command of the first C++ compiler there is."""
    for command in (os.environ.get("CXX", ""), "g++", "clang++"):
        try:
            words = tuple(shlex.split(command))
        except ValueError:  # a quotation that does not end
            continue
        if words and shutil.which(words[0]):
            return words
    return None


def _kept_folder() -> Path:
    """Where libraries are kept. Absolute, for the loader looks for a bare name elsewhere.

    Raises:
        RuntimeError: if none is named and the user has no home, as where a container runs under a number alone.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    return Path(os.environ.get("DHBV_CACHE") or base / "dhbv").expanduser().absolute()


def _own_folder() -> Path:
    """One for this process alone."""
    return Path(_temporary().name)


@cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="dhbv-", ignore_cleanup_errors=True)


def _build(compiler: tuple[str, ...], source: str, real: str, folder: Path, name: str) -> Path:
    """The library in `folder`: one already there if it is whole, else a new one.

    Its name ends with the digest of its own content: a file cut short or altered is seen before it is
    loaded, and of two processes that build at once either's result is right.
    """
    version = subprocess.run(
        [*compiler, "--version"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    flags = (*_FLAGS, *_PRECISION[real], f"-DREAL={real}")
    key = _digest(repr((source, flags, compiler, version, _CHOICES, _processor())).encode())
    for path in folder.glob(f"{name}-{real}-{key}-*.so"):
        if path.stem.endswith(_digest(path.read_bytes())):
            return path
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".build-") as draft:
        text, built = Path(draft, f"{name}.cpp"), Path(draft, f"{name}.so")
        text.write_text(source, encoding="utf-8")
        _compile(compiler, flags, text, built)
        path = folder / f"{name}-{real}-{key}-{_digest(built.read_bytes())}.so"
        built.replace(path)
    for other in folder.glob(f"{name}-{real}-{key}-*.so"):
        if other != path and not other.stem.endswith(_digest(other.read_bytes())):
            other.unlink(missing_ok=True)
    return path


def _compile(compiler: tuple[str, ...], flags: tuple[str, ...], source: Path, library: Path) -> None:
    """Compile with the best flags that the compiler and its machine know."""
    for choice in _CHOICES:
        command = [*compiler, *flags, *choice, str(source), "-o", str(library)]
        try:
            subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
            return
        except subprocess.CalledProcessError:
            if choice == _CHOICES[-1]:
                raise


def _processor() -> str:
    """What the code is compiled for: a cache folder may be shared by different machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    kinds = ("model name", "flags", "Features", "CPU part")
    return "\n".join(sorted({line for line in lines if line.startswith(kinds)}))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _explain(problem: Exception) -> str:
    """One line on what went wrong."""
    if isinstance(problem, subprocess.CalledProcessError):
        lines = (problem.stderr or "").strip().splitlines()
        return f"{problem.cmd[0]} failed: {next((line for line in lines if 'error' in line), ' '.join(lines[-1:]))}"
    return str(problem)


@cache
def _run_structure(parameters: int) -> type[ctypes.Structure]:
    """The twin of `struct Run` in scan.cpp."""
    pointer, count = ctypes.c_void_p, ctypes.c_int64

    class Run(ctypes.Structure):
        _fields_ = [
            ("days", count), ("basins", count), ("components", count), ("threads", count),
            ("weather", pointer),
            ("parameters", pointer * parameters),
            ("strides", count * parameters),
            ("stores", pointer * len(STORES)),
            ("ends", pointer * len(STORES)),
            ("outputs", pointer * len(OUTPUTS)),
            ("kept", pointer),
            ("d_ends", pointer * len(STORES)),
            ("d_outputs", pointer * len(OUTPUTS)),
            ("d_stores", pointer * len(STORES)),
            ("d_weather", pointer),
            ("d_parameters", pointer * parameters),
        ]  # fmt: skip

    return Run


class LstmRun(ctypes.Structure):
    """The twin of `struct Run` in lstm.cpp."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in ("days", "basins", "inputs", "hidden", "threads")),
        *(
            (name, ctypes.c_void_p)
            for name in (
                "x", "projected", "w_input", "w_hidden", "bias", "h_before", "c_before",
                "h", "c_after", "kept",
                "d_h", "d_c_after",
                "d_x", "d_projected", "d_w_input", "d_w_hidden", "d_bias", "d_h_before", "d_c_before",
            )
        ),
    ]  # fmt: skip
