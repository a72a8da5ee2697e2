"""Decides by a snapshot, and finds out what its thresholds should rest on. Writes nothing."""
