"""Fakes and contract suites: what the tests use, shipped so that other backends can use it too."""
