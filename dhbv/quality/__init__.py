"""The gate that data pass before anything is trained or forecast on: faults are named, and put aside, not lost."""

from dhbv.quality.finding import EVERY, Finding
from dhbv.quality.gate import examine
from dhbv.quality.report import Report

__all__ = ["EVERY", "Finding", "Report", "examine"]
