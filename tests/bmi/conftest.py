"""A small model for all component tests."""

from __future__ import annotations

import pytest

from dhbv.model_directory import ModelDirectory
from tests.small_models import small_model


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelDirectory:
    return small_model(tmp_path_factory.mktemp("model") / "small")


@pytest.fixture(scope="session")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> ModelDirectory:
    """The same with other weights."""
    return small_model(tmp_path_factory.mktemp("model") / "other", seed=1)
