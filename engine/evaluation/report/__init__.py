"""A report on an evaluation: one page, its figures as JSON, and the plots."""
