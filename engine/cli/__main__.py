"""`python -m engine.cli` is `onelook`."""

from engine.cli import main

main()
