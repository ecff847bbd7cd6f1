"""What δHBV-coupled stream temperature models take: water by its source, and the air's memory.

SNTEMP mixes surface runoff, subsurface flow and groundwater, each with a temperature of its own that follows the air over
days, weeks or a year (Theurer et al., 1984; Sanders et al., 2017), and Rahmani et al. (2023, "Identifying structural
priors in a hybrid differentiable model for stream water temperature modeling", Water Resources Research 59(12)) made it
differentiable. `sources` and `air` need numpy alone, so that a BMI component can use them; `export` writes files.
"""
