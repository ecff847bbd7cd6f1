"""The main job on one screen: data arrive, weights are trained, tried, served and taken back, forecasts are made.

Without data a synthetic region is used, whose true parameters and fluxes are known: a twin
experiment that shows whether the water inside is found, not only the flow.
"""

from dhbv.demonstration.demo import run
from dhbv.demonstration.loop import Flows, Service
from dhbv.demonstration.screen import render

__all__ = ["Flows", "Service", "render", "run"]
