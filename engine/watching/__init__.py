"""Pictures as they come, from a folder or a camera, and telling others what was recognised."""
