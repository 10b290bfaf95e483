"""Sources whose rows are those of a table, and what the columns of a table mean."""
