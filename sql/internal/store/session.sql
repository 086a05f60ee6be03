SET TimeZone = 'UTC';
-- A commit goes straight into the file: writing the log first and checkpointing it at the close, a moment later, does the work twice
-- (a night of 8,908 bars: 50 ms, so 46).
SET wal_autocheckpoint = '1KB';
