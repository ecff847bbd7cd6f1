"""Seven contiguous regions of the conterminous United States, for prediction where a whole region has no gauge."""

from __future__ import annotations

from collections.abc import Mapping

from dhbv.errors import DhbvError

REGIONS: dict[str, tuple[int, ...]] = {
    "north_east": (1, 2),
    "south_east": (3, 6),
    "great_lakes_ohio": (4, 5, 7),
    "northern_plains": (9, 10),
    "southern_plains": (8, 11, 12, 13),
    "south_west": (14, 15, 16, 18),
    "north_west": (17,),
}
"""Two-digit hydrologic units (`huc_02` of CAMELS) by region. Each region is in one piece, and of the 531 basins
of the literature each has 51 to 95."""

_REGION_OF = {unit: name for name, units in REGIONS.items() for unit in units}


def basins_by_region(units: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    """Sorted basins of each region that has any, in the order of `REGIONS`.

    Args:
        units: two-digit hydrologic unit of each basin, as a number or as text such as `01`.

    Raises:
        DhbvError: if a basin's unit is in no region.
    """
    found: dict[str, list[str]] = {name: [] for name in REGIONS}
    for basin in sorted(units):
        try:
            found[_REGION_OF[int(float(str(units[basin])))]].append(basin)
        except (ValueError, KeyError):
            raise DhbvError(
                f"basin {basin}: huc_02 is {units[basin]!r}, the regions know 01 to 18: correct the attribute table, or "
                "leave the basin out"
            ) from None
    return {name: tuple(basins) for name, basins in found.items() if basins}
