"""Everything that talks to the outside; returns tidy frames; knows nothing of the store."""
