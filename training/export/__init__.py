"""A trained adapter merged into its base, in the layouts that other libraries load."""
