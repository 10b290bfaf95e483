"""Table of failures: every test item under every seat, with what went wrong, how badly, and how to see it again."""
