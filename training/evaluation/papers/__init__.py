"""Evaluation as the papers on safe CLIPs do it, of any profile: `safeclip-train evaluate`."""
