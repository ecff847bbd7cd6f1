"""The water: parameter table, variable table, one day of HBV, routing, evaporation.

Everything here works on numpy arrays and torch tensors alike and imports neither torch nor,
but for the kind of its errors, any other part of the project.
"""
