"""The page of benchmarks: every table and figure made from the results files, and from nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from dhbv.attributes import HISTORY
from dhbv.evaluation import score_figures
from dhbv.evaluation.style import save
from dhbv.experiments import figures, markdown, summary
from dhbv.experiments.plans import Kind
from dhbv.experiments.published import PUBLISHED
from dhbv.experiments.results import ENSEMBLE, Results, read_all
from dhbv.files import written_whole

TITLES: dict[Kind, str] = {
    "temporal": "Other years",
    "pub": "Ungauged basins",
    "pur": "Ungauged regions",
    "scaling": "Scaling curves",
    "ensemble": "Ensembles",
}
MOST_COLUMNS = 8
"""Of a table of gains, so that a page is still wide enough for it."""


class Page(NamedTuple):
    """What is drawn so far, and where it goes."""

    drawn: dict[str, Figure]
    """By file stem."""
    folder: str
    """Of the figures, as the page links to it."""

    def show(self, stem: str, figure: Figure, alt: str) -> Iterator[str]:
        """Keep a figure and give the lines that show it."""
        self.drawn[stem] = figure
        yield f"![{alt}]({self.folder}/{stem}.png)"
        yield ""


def write(folder: Path, out: Path) -> list[Path]:
    """Make the page `out` and its figures, in the folder of its name, from all results in `folder`.

    The same results give the same bytes.

    Returns:
        The files written.

    Raises:
        DhbvError: if there are no results, or a file is none.
    """
    found = read_all(folder)
    page = Page({}, out.stem)
    text = "\n".join(_lines(found, page)).rstrip() + "\n"
    with written_whole(out) as draft:
        draft.write_text(text, encoding="utf-8")
    place = out.parent / page.folder
    return [out, *(save(figure, place / f"{stem}.png") for stem, figure in page.drawn.items())]


def _lines(found: Mapping[str, Results], page: Page) -> Iterator[str]:
    yield "# Benchmarks"
    yield ""
    yield (
        "Made by `dhbv experiment report` from the results files; do not edit. Every score is of the test period, on "
        "which no model was trained, and every figure a median over basins unless it says otherwise: NSE, KGE (2012), "
        "the bias of the highest 2 % (FHV) and lowest 30 % (FLV) of the flow duration curve. *BFI r* is the spatial "
        "correlation of simulated ΣQ2 / ΣQ with CAMELS' `baseflow_index`, *ET r* that of mean ET with mean P − mean "
        "observed Q; the models were trained on neither. Brackets hold quartiles over basins or, of gains, the "
        f"{100 * summary.CONFIDENCE:.0f} % interval of the median paired difference from {summary.SAMPLES:,} bootstrap "
        "resamples of basins, bold where it excludes 0. Neighbouring basins share weather, so these are somewhat too "
        "narrow; they tell nothing of other seeds."
    )
    yield ""
    for kind, title in TITLES.items():
        of_kind = {stem: r for stem, r in found.items() if r.header.kind == kind}
        if of_kind:
            yield f"## {title}"
            yield ""
            yield from SECTIONS[kind](of_kind, found, page)
            yield from markdown.published(kind)
    yield from _making(found)


def _temporal(of_kind: Mapping[str, Results], found: Mapping[str, Results], page: Page) -> Iterator[str]:
    named = _named(of_kind)
    yield f"Trained and tested on the same basins in other years: {_periods(of_kind)}."
    yield ""
    gz = [
        name
        for name, r in named.items()
        if any(a.startswith(HISTORY) for a in r.header.config["model"].get("attributes", ()))
    ]
    if gz:
        yield f"{', '.join(gz)}: learns from signatures of past flow too, so that its BFI r is no independent test."
        yield ""
    tables = _ranked({name: r.of(held_out=False) for name, r in named.items()})
    yield from _scores({name: summary.summary(rows) for name, rows in tables.items()})
    yield from _gains(named, tables)
    held_out = _ranked({name: rows for name, r in named.items() if len(rows := r.of(held_out=True))})
    if held_out:
        yield "Basins that these trainings held out, in the test period:"
        yield ""
        yield from _scores({name: summary.summary(rows) for name, rows in held_out.items()})
        yield from _gains(named, held_out)
    yield from _cdfs_and_maps(page, "temporal", tables)
    yield from page.show(
        "temporal_baseflow", figures.baseflow(tables), "Simulated against observed baseflow index"
    )


def _gains(named: Mapping[str, Results], tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """Of each model over those of lower rank; where these are many, over all those, but no others, whose form, whatever
    is in brackets behind it, others have published."""
    names = list(tables)
    if len(names) < 2:
        return
    columns = names[:-1]
    if len(columns) > MOST_COLUMNS:
        published = {p.model for p in PUBLISHED if p.kind == named[names[0]].header.kind}
        columns = [name for name in columns if name.split(" (")[0] in published]
    yield (
        "Median gain in NSE of the model of the row over that of the column, basin by basin over those that both have "
        "(models of other basins are not to be compared by the medians above):"
    )
    yield ""
    cells = {
        (a, b): summary.gain(tables[a], tables[b]) if summary.same_days(named[a], named[b]) else None
        for i, a in enumerate(names)
        for b in (names[:i] if a in columns else names)
        if b in columns
    }
    yield from markdown.gains([a for a in names if any((a, b) in cells for b in columns)], columns, cells)


def _ungauged(of_kind: Mapping[str, Results], found: Mapping[str, Results], page: Page) -> Iterator[str]:
    kind = next(iter(of_kind.values())).header.kind
    named = _named(of_kind)
    what = {
        "pub": "Random folds of the basins, each held out of one training",
        "pur": "Seven contiguous groups of two-digit hydrologic units, each held out of one training",
    }[kind]
    yield f"{what}; scored are held-out basins alone, in the test period: {_periods(of_kind)}."
    yield ""
    for r in of_kind.values():
        yield from _folds(r)
    tables = _ranked({name: r.of() for name, r in named.items()})
    yield "All held-out basins together:"
    yield ""
    yield from _scores({name: summary.summary(rows) for name, rows in tables.items()})
    yield from _gains(named, tables)
    lines = dict(tables)
    for name in tables:
        seen = summary.gauged(named[name], found)
        if seen is not None:
            rows = seen.loc[tables[name].index]
            loss = markdown.gain(summary.gain(tables[name], rows))
            yield (
                f"{name}: the same basins, trained on (other years), have a median NSE of "
                f"{markdown.number(summary.median(rows))}; held out they gain {loss}."
            )
            yield ""
            lines[f"{name}, gauged"] = rows
    yield from _cdfs_and_maps(page, kind, lines, mapped=tables)
    if kind == "pur":
        yield (
            "For the same kind of experiment with regions of their own see "
            "[Feng et al. 2023](https://doi.org/10.5194/hess-27-2357-2023)."
        )
        yield ""


def _folds(r: Results) -> Iterator[str]:
    h = r.header
    drawn = f", drawn by seed {h.choices['seed']}" if "seed" in h.choices else ""
    yield f"{h.name}: {len(h.trainings)} of {h.planned} are done{drawn}."
    yield ""
    labels = {label + _units(r, label): summary.summary(r.of(label)) for label in r.labels}
    yield from markdown.skill(labels)


def _units(r: Results, label: str) -> str:
    units = r.header.choices.get("regions", {}).get(label)
    return f" ({', '.join(f'{u:02d}' for u in units)})" if units else ""


def _scaling(of_kind: Mapping[str, Results], found: Mapping[str, Results], page: Page) -> Iterator[str]:
    yield (
        "Nested random subsets of the training basins; every training has the same number of iterations. Skill in the test "
        "period of basins that no training saw, and of its own training basins; coherence, after Tsai et al. (2021), as the "
        "spatial correlation of what is not trained on (BFI, ET) with independent estimates, over held-out basins, and with "
        "that of the training on most basins."
    )
    yield ""
    for stem, r in of_kind.items():
        points = summary.scaling(r)
        h = r.header
        held_out = len(set(r.of(held_out=True).index))
        yield f"{h.name}, {held_out} basins held out, drawn by seed {h.choices['seed']}, {_periods({stem: r})}; {h.machine['processor']}:"
        yield ""
        yield from markdown.scaling(points)
        yield from _beside(r, points, found)
        yield from page.show(f"scaling_{stem}", figures.scaling(points), f"Scaling curves of {h.name}")


def _beside(r: Results, points: list[summary.Point], found: Mapping[str, Results]) -> Iterator[str]:
    """What others make of the held-out basins of a scaling experiment."""
    others = summary.ungauged(r, found)
    if not others:
        return
    yield "The same held-out basins with other models, which hold them out too, and the gain in NSE over each:"
    yield ""
    trainings = sorted(r.header.trainings, key=lambda t: t.basins)
    ends = [r.of(t.label, held_out=True) for t in (trainings[0], trainings[-1])]
    rows = {
        f"{found[stem].header.name} ({found[stem].header.kind})": (
            summary.median(theirs), [summary.gain(ours, theirs) for ours in ends],
        )
        for stem, theirs in others.items()
    }  # fmt: skip
    yield from markdown.beside(rows, [f"gain of {points[k].basins} basins" for k in (0, -1)])


def _ensemble(of_kind: Mapping[str, Results], found: Mapping[str, Results], page: Page) -> Iterator[str]:
    yield "Members differ in seed, weather or both; their flows are averaged day by day and the mean is scored."
    yield ""
    for stem, r in of_kind.items():
        tables = {label: r.of(label) for label in r.labels}
        yield f"{r.header.name}, {_periods({stem: r})}:"
        yield ""
        yield from _scores({label: summary.summary(rows) for label, rows in tables.items()})
        if ENSEMBLE in tables:
            members = {label: rows for label, rows in tables.items() if label != ENSEMBLE}
            for label, rows in members.items():
                yield f"- gain in NSE of the mean over {label}: {markdown.gain(summary.gain(tables[ENSEMBLE], rows))}"
            yield ""
        yield from page.show(
            f"ensemble_{stem}", score_figures.score_cdf({k: t["nse"] for k, t in tables.items()}),
            f"NSE of the members of {r.header.name} and of their mean",
        )  # fmt: skip


SECTIONS: dict[Kind, Callable[[Mapping[str, Results], Mapping[str, Results], Page], Iterator[str]]] = {
    "temporal": _temporal,
    "pub": _ungauged,
    "pur": _ungauged,
    "scaling": _scaling,
    "ensemble": _ensemble,
}


def _scores(summaries: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    yield from markdown.skill(summaries)
    yield from markdown.parts(summaries)


def _cdfs_and_maps(
    page: Page,
    kind: Kind,
    tables: Mapping[str, pd.DataFrame],
    mapped: Mapping[str, pd.DataFrame] | None = None,
) -> Iterator[str]:
    """Curves of all, best first; maps of the last of `mapped`, which is the best."""
    name, best = list((mapped or tables).items())[-1]
    for score in ("nse", "kge"):
        curves = {label: table[score] for label, table in reversed(list(tables.items()))}
        figure = score_figures.score_cdf(curves, score)
        yield from page.show(f"{kind}_{score}", figure, f"Share of basins by {score.upper()}")
        if best["lat"].notna().any():
            label = f"{score.upper()} (–) of {name}; below 0 shown as 0"
            figure = score_figures.basin_map(best["lat"], best["lon"], best[score].clip(lower=0.0), label)
            yield from page.show(f"{kind}_{score}_map", figure, f"Map of the {score.upper()} of {name}")


def _making(found: Mapping[str, Results]) -> Iterator[str]:
    """How each results file came about."""
    yield "## How they were made"
    yield ""
    rows = []
    for stem, r in found.items():
        h = r.header
        model, training = h.config["model"], h.config["training"]
        rows.append(
            (
                f"`{stem}`",
                h.name,
                model.get("form")
                or f"{model['variant']}, M = {model['components']}, {model['network']['kind']}",
                ", ".join(h.sources),
                str(len(h.trainings)),
                str(training.get("iterations", "–")),
                f"{sum(t.seconds for t in h.trainings) / 60.0:.1f}",
                ", ".join(map(str, h.choices.get("seeds", [training["seed"]]))),
                h.code_version,
            )
        )
    yield from markdown.table(
        (
            "results", "model", "variant", "data", "trainings", "iterations", "minutes of training", "seeds", "delta-hbv"
        ),
        rows, words=4,
    )  # fmt: skip
    machines = sorted(
        {f"{m['processor']}, {m['threads']} threads, torch {m['torch']}" for m in _machines(found)}
    )
    yield f"Machines: {'; '.join(machines)}. Times are by the clock on the wall, of machines that may have had other work."
    yield ""
    yield "Weights and data, first 12 digits of their sha256:"
    yield ""
    yield from markdown.table(
        ("results", "training", "basins", "weights", "data trained on"),
        (
            (f"`{stem}`", t.label, str(t.basins), f"`{t.weights_sha256[:12]}`", f"`{t.data_digest[:12]}`")
            for stem, r in found.items()
            for t in r.header.trainings
        ),
        words=2,
    )


def _machines(found: Mapping[str, Results]) -> Iterator[dict[str, object]]:
    for r in found.values():
        yield r.header.machine | {"processor": r.header.machine.get("gpu", r.header.machine["processor"])}


def _named(of_kind: Mapping[str, Results]) -> dict[str, Results]:
    """By the names of their models; the file stem tells those apart that have one name."""
    names = [r.header.name for r in of_kind.values()]
    return {
        r.header.name if names.count(r.header.name) == 1 else f"{r.header.name} ({stem})": r
        for stem, r in of_kind.items()
    }


def _ranked(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """From the lowest median NSE up."""
    return dict(sorted(tables.items(), key=lambda item: summary.median(item[1])))


def _periods(of_kind: Mapping[str, Results]) -> str:
    told = {
        " → ".join(
            f"{r.header.config['data'][p]['start']}..{r.header.config['data'][p]['end']}"
            for p in ("train", "test")
        )
        for r in of_kind.values()
    }
    return "; ".join(sorted(told)) + " (trained → tested)"
