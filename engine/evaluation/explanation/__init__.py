"""Why one picture was decided as it was."""
