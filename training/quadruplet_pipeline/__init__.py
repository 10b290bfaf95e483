"""The paper's data pipeline (Safe-CLIP, section 3): unsafe texts from safe ones, then an unsafe image for each."""
