"""Experiments: the published protocols as plans of trainings, one results file each, and the report of them all."""
