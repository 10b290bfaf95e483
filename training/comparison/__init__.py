"""Every objective beside the others: the same small budget, several seeds, one table in docs/results.md."""
