"""What learns from a gallery or from queries, and what it changes in the gallery."""
