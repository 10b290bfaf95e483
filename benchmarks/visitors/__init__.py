"""Many visitors at once, as browsers and programs ask."""
