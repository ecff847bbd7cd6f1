"""The operational loop without a scheduler: cycles, states, retraining; `flows` calls it in order.

A cycle of the day T0: the state of the cycle before → weather known up to T0 → the state at T0 →
weather forecast, one or many members → every flux of the next days, quantiles and flags.
"""
