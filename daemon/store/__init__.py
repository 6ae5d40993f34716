"""SQLite remembers: one writing connection, group commit, migrations, backup."""
