"""Sections of `zoo/metrics.json` with invented figures."""


def generation_section(seats: dict[str, dict], *, command: str = "evaluate", judge: str = "scene classifier") -> dict:
    """The section "generation": these figures by seat, and how they were measured."""
    return {
        "command": command,
        "date": "2026-02-03",
        "steps": 30,
        "guidance": 4.5,
        "judge": {"name": judge, "version": "0a1b2c3d", "threshold": 0.375},
        **seats,
    }
