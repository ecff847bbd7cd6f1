"""Versioned weights: a folder of immutable model directories, one of which is the champion that serves.

    versions/<id>/   what `model_directory.save` wrote, and publication.json: when, who, why, from where
    champion         the id of the version that serves, one line
    journal.jsonl    every publication, promotion, rollback and removal, one JSON object a line
    lock             held by whoever changes any of these

What exists is what lies in `versions` under an id; what serves is what `champion` says. The journal
is history: a move is written there first, so after a kill it may promise a promotion that `champion`
does not confirm, and that promotion did not happen. Readers take no lock and mend nothing; the
next writer cuts off a torn last line and enters publications that a kill kept out.
"""

from dhbv.registry.journal import Entry, Reign
from dhbv.registry.registry import Move, Registry, Serving
from dhbv.registry.resolve import Resolved, resolve
from dhbv.registry.verifying import Problem
from dhbv.registry.version import Publication, Version

__all__ = [
    "Entry", "Move", "Problem", "Publication", "Registry", "Reign", "Resolved", "Serving", "Version", "resolve",
]  # fmt: skip
