"""ViSU-Emoji: quadruplets (safe text, unsafe text, safe image, unsafe image) drawn from open emoji artwork."""
