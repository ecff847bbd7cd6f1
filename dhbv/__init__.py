"""delta-hbv: a differentiable HBV that learns its parameters and runs as a stream.

Data flow, one way: forcing → gA → parameters → one day of HBV → routing → fluxes.
"""

__version__ = "0.1.0"
