"""Measuring a gallery on labelled queries and strangers, and showing what came out."""
