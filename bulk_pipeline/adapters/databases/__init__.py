"""One module per kind of database: engine, write lock, scratch tables."""
