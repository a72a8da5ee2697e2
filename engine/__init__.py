"""Onelook: show it one picture of each thing, and it recognises them."""
