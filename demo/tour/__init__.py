"""The stage: a tour of stops that a speaker walks through, on the page or in one file of its own."""
