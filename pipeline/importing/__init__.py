"""Bars from files into the store: the original system's SQLite file, CSV, Parquet.

A file is read in chunks (`csv_file`, `parquet_file`, `sqlite_file`), its rows are put in order beside the store (`staging`),
held against the rules and against what stands (`judging`), and committed batch by batch, a run for each region (`region_run`);
`importer` does so for all files asked for. An import only adds: what stands in the store is never replaced by a file. Commands
list `kinds` before anything is imported: nothing is loaded here.
"""
