"""A Feast store of our declarations, embedded or in a cluster, and what it knew at an instant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from feast import FeatureStore, FeatureView, RepoConfig

from oo_features.feast_adapter.definitions import definitions, view_name
from oo_features.feature import Feature

__all__ = ["apply", "as_known", "cluster", "embedded", "opened"]

PROJECT = "oo_ml"


def embedded(folder: Path) -> RepoConfig:
    """Registry and online store in SQLite files of a folder, which has to exist."""
    here = folder.absolute()  # Feast takes relative paths from elsewhere
    return _config(f"sqlite:///{here}/registry.db", {"type": "sqlite", "path": f"{here}/online.db"}, here)


def cluster(registry: str, redis: str) -> RepoConfig:
    """`registry` is a SQLAlchemy URL, whose driver has to be installed, or a file as `s3://bucket/registry.pb`.

    `redis` is `host:port,password=…,ssl=true`.
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
    """Bring the registry and the online store to our declarations; views that are not declared any more go."""
    store = opened(config)
    wanted = definitions(offline if "://" in offline else str(Path(offline).absolute()))
    views = {view.name for view in wanted if isinstance(view, FeatureView)}
    gone = [view for view in store.list_feature_views() if view.name not in views]
    store.apply(wanted, objects_to_delete=gone, partial=not gone)
    return store


def opened(config: RepoConfig) -> FeatureStore:
    """A store as it was applied."""
    return FeatureStore(config=config)


def as_known(store: FeatureStore, spine: Any, features: Iterable[Feature]) -> Any:
    """A retrieval job of the values that were known at each row of `spine`, null where there was none or it was stale.

    `spine` is a DataFrame with user_id and one column of instants. As old as the TTL is still fresh, as online.
    """
    return store.get_historical_features(
        spine, [f"{view_name(item)}:{item.name}" for item in features], filter_by_created_timestamp=True
    )
