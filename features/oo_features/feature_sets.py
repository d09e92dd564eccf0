"""This module names the feature sets, one for each kind of model."""

from __future__ import annotations

from oo_features.candidate import CANDIDATE_FEATURES
from oo_features.context import CONTEXT_FEATURES
from oo_features.feature_set import FeatureSet
from oo_features.profile_schema import PROFILE_FEATURES

__all__ = ["FEATURE_SETS", "RANKER_V1"]

RANKER_V1 = FeatureSet("ranker-v1", CONTEXT_FEATURES, PROFILE_FEATURES, CANDIDATE_FEATURES)
FEATURE_SETS = {item.name: item for item in (RANKER_V1,)}
