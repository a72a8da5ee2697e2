"""Streaming enrolment: what a source lists is decoded, embedded and written in bounded memory."""
