"""Several processes of one page: Python answers a crowd on one core in each of them."""
