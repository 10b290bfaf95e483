"""The closed world of 206 concepts: quadruplets of texts and of images that are drawn from open emoji artwork."""
