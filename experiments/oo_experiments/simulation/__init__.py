"""This package is simulation: policies act in worlds of known truth, so that their regret can be measured."""
