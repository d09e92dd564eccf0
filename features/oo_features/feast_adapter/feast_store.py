"""This module opens a Feast store of our declarations, and reads what it knew at an instant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from feast import FeatureStore, FeatureView, RepoConfig

from oo_features.feast_adapter.definitions import definitions, view_name
from oo_features.feature import Feature

__all__ = ["apply", "cluster_config", "embedded_config", "open_store", "retrieve_as_known"]

PROJECT = "oo_ml"


def embedded_config(folder: Path) -> RepoConfig:
    """Return the configuration of a registry and an online store in SQLite files of a folder, which has to exist."""
    root = folder.absolute()  # Feast takes relative paths from elsewhere
    return _config(f"sqlite:///{root}/registry.db", {"type": "sqlite", "path": f"{root}/online.db"}, root)


def cluster_config(registry: str, redis: str) -> RepoConfig:
    """Return the configuration of a shared registry and a Redis online store.

    `registry` is a SQLAlchemy URL, whose driver has to be installed, or a file like `s3://bucket/registry.pb`. `redis`
    is `host:port,password=…,ssl=true`.
    """
    return _config(registry, {"type": "redis", "connection_string": redis}, Path())


def _config(registry: str, online: Mapping[str, str], folder: Path) -> RepoConfig:
    kind = "file" if registry.startswith(("s3://", "gs://")) else "sql"
    return RepoConfig(
        project=PROJECT,
        provider="local",
        registry={"registry_type": kind, "path": registry},
        online_store=online,
        offline_store={"type": "duckdb"},
        entity_key_serialization_version=3,
        repo_path=folder,
    )


def apply(config: RepoConfig, offline: str) -> FeatureStore:
    """Change the registry and the online store to match our declarations.

    Views that are not declared any more are removed.
    """
    store = open_store(config)
    declared = definitions(offline if "://" in offline else str(Path(offline).absolute()))
    views = {view.name for view in declared if isinstance(view, FeatureView)}
    undeclared = [view for view in store.list_feature_views() if view.name not in views]
    store.apply(declared, objects_to_delete=undeclared, partial=not undeclared)
    return store


def open_store(config: RepoConfig) -> FeatureStore:
    """Open a store that was applied before."""
    return FeatureStore(config=config)


def retrieve_as_known(store: FeatureStore, spine: Any, features: Iterable[Feature]) -> Any:
    """Return a retrieval job of the values that were known at each row of `spine`.

    A value is null where it was unknown or older than its TTL.

    `spine` is a DataFrame with user_id and one column of instants. A value exactly as old as
    its TTL is still fresh, as it is online.
    """
    return store.get_historical_features(
        spine, [f"{view_name(item)}:{item.name}" for item in features], filter_by_created_timestamp=True
    )
