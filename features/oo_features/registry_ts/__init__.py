"""The profile contract: the recommender's `registry.ts`, read as TypeScript, against our mirror of it."""
