"""Commands beside serving the page, `safeclip-demo NAME …`: a module each, imported when its command is run.

A module is called like its command, with `_` for `-`, and has `main(argv, program) -> int`, which returns the exit
status; it may raise SafeClipError.
"""

COMMANDS = {
    "failures": "builds or exports the table of failures of a profile",
    "redteam": "perturbs texts and reports which of them leak under which seat",
    "export-tour": "writes the tour of a profile into one HTML file",
    "reports": "reviews, publishes and deletes reports of visitors",
    "deploy": "uploads the checkout to a Space of the hub",
    "precompute": "lets a profile's models answer the examples before anybody asks",
}
