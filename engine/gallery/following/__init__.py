"""Makes the snapshot of a catalog, and the next one when the catalog has changed."""
