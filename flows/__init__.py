"""The operational loop under Prefect: each flow orders calls to `dhbv.operations` and reports what they did.

Every flow but those of `flows.national` takes the path of an operation's YAML file. What is done and what is missing is read from
the store, the registry and the forecasts, never from Prefect, which may lose its database.
"""
