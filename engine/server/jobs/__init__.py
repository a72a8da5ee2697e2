"""Long pieces of work: kept in the database, their files beside it, run by a thread."""
