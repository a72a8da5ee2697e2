"""Figures of recognition, from arrays of outcomes alone."""
