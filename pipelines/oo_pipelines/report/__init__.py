"""Reports of a store: per variant, prompt version and policy, in values, tables and pages."""
