-- Bytes the file must at least have: three header pages of 4 KiB, then the blocks in use (free ones at the end may never have been written).
SELECT 3 * 4096 + block_size * used_blocks
FROM pragma_database_size()
WHERE database_name = current_database();
