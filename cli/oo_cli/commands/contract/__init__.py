"""The recommender's profile registry against our mirror of it."""
