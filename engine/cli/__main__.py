"""`python -m engine.cli` is `onelook`."""

from . import main

main()
