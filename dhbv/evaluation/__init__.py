"""How good it is: scores of simulated against observed flow, and figures of both.

Needs the extra `analysis`, all but `thresholds`.
"""
