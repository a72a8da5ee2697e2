"""The `onelook` command: thin, one file a command; nothing heavy is imported before its use."""

from engine.cli.app import main

__all__ = ["main"]
