-- Bytes the header accounts for: three header pages of 4 KiB, then the blocks.
SELECT 3 * 4096 + block_size * total_blocks
FROM pragma_database_size()
WHERE database_name = current_database();
