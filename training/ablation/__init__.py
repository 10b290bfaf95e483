"""What each setting and each ingredient of the open world's adapters does alone, at one short budget."""
