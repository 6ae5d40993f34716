"""SQLite remembers: one writing connection, group commit, backup."""
