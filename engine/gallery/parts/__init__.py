"""What can be done to a gallery, by what it is done to. `Gallery` has one of each."""
