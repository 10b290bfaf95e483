"""Commands beside serving the page, `safeclip-demo NAME …`: a module each, imported when its command is run.

A module has `main(argv, program) -> int`, which returns the exit status; it may raise SafeClipError.
"""

COMMANDS = {
    "failures": "builds or exports the table of failures of a profile",
    "redteam": "perturbs texts and reports which of them leak under which seat",
}
