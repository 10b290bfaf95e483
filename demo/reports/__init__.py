"""Reports of visitors about answers, and the votes of the blind round: taken, kept, reviewed, published, deleted."""
