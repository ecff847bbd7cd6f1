"""Updating states from observed flow, through the gradients of the differentiable model.

Stores at the beginning of the last 30 days and the rain and snow of these days are changed, within bounds, until the
flow fits what was observed; what the stores then hold at T0 is what a forecast starts from. `configuration` says how far
they may go, `window` is the model and the misfit as functions of the changes, `minimising` finds the changes (torch),
`updating` does it for states, `hindcast` measures what it brings. docs/assimilation.md is the guide.
"""

from dhbv.assimilation.configuration import AssimilationConfig
from dhbv.assimilation.updating import Outcome, Update, update

__all__ = ["AssimilationConfig", "Outcome", "Update", "update"]
