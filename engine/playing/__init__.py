"""Labelled queries, played against what is enrolled: who is ranked where, with what score."""
