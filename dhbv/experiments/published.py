"""Published skill to stand beside ours: medians over basins, in their test period."""

from __future__ import annotations

from typing import NamedTuple

from dhbv.experiments.plans import Kind


class Published(NamedTuple):
    """One row; None where the source gives no such number."""

    kind: Kind
    model: str
    setting: str
    nse: float | None
    kge: float | None
    bfi_correlation: float | None
    source: str


FENG_2022 = "[Feng et al. 2022](https://doi.org/10.1029/2022WR032404)"
SONG_2024 = "Song et al. 2024"
QUOTED = "quoted without its source at hand"
TSAI_2021 = "[Tsai et al. 2021](https://doi.org/10.1038/s41467-021-26107-z)"
BECK_2020 = "[Beck et al. 2020](https://doi.org/10.1029/2019JD031485)"
KRATZERT_2019 = "[Kratzert et al. 2019](https://doi.org/10.1029/2019WR026065)"

_NLDAS = "671 basins, NLDAS, 1980–95 → 1995–2010"
_DAYMET = "671 basins, Daymet, 1980–95 → 1995–2010"
_GLOBAL = "4,229 basins of the world, temperate ones, 10 random folds"
_FOLDS = "531 basins, random folds, 15 years"

PUBLISHED = (
    Published("temporal", "δ(γt, βt)", _NLDAS, 0.715, None, 0.745, FENG_2022),
    Published("temporal", "δ(γt)", _NLDAS, 0.712, None, 0.726, FENG_2022),
    Published("temporal", "δ(βt)", _NLDAS, 0.711, None, 0.692, FENG_2022),
    Published("temporal", "δ", _NLDAS, 0.694, None, 0.729, FENG_2022),
    Published("temporal", "dPL+HBV", _NLDAS, 0.628, None, 0.621, FENG_2022),
    Published("temporal", "LSTM", _NLDAS, 0.72, None, None, FENG_2022),
    Published("temporal", "mHm + MPR", "≈ 500 basins", 0.53, None, None, FENG_2022),
    Published("temporal", "SAC-SMA", "671 basins", 0.66, None, None, QUOTED),
    Published("temporal", "δ(βt, γt)", _DAYMET, 0.732, None, None, QUOTED),
    Published("temporal", "LSTM", _DAYMET, 0.748, None, None, QUOTED),
    Published("temporal", "δ 1.1p (capillary rise; dynamic β, γ, K0)", "531 basins, Daymet, 1999–2008 → 1989–99", 0.751, 0.759, None, SONG_2024),
    Published("temporal", "LSTM, single", "531 basins, one forcing", 0.74, None, None, QUOTED),
    Published("ensemble", "LSTM, single", "531 basins, one forcing", 0.74, None, None, QUOTED),
    Published("ensemble", "LSTM, ensemble", "531 basins, one forcing", 0.765, None, None, QUOTED),
    Published("pub", "dPL+HBV, 27 attributes", _GLOBAL, None, 0.59, None, TSAI_2021),
    Published("pub", "dPL+HBV, 8 attributes", _GLOBAL, None, 0.56, None, TSAI_2021),
    Published("pub", "HBV, regionalised by transfer functions", _GLOBAL, None, 0.48, None, BECK_2020),
    Published("pub", "LSTM", _FOLDS, 0.69, None, None, KRATZERT_2019),
    Published("pub", "SAC-SMA, calibrated at each gauge", "531 basins, gauged, 15 years", 0.64, None, None, KRATZERT_2019),
    Published("scaling", "dPL+HBV, 2 % of the basins", _GLOBAL, None, 0.38, None, TSAI_2021),
    Published("scaling", "dPL+HBV, 12.5 %", _GLOBAL, None, 0.48, None, TSAI_2021),
    Published("scaling", "dPL+HBV, 25 %", _GLOBAL, None, 0.54, None, TSAI_2021),
)  # fmt: skip
"""Other basins, other weather and other years than ours unless the setting says the same: to compare with care."""
