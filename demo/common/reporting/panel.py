"""What stands below every answer: the form that reports it, and its citation."""

from collections.abc import Callable
from typing import Any

from markupsafe import Markup

import safeclip

from ..blur_policy import Reply
from ..markup import EMPTY, icon, template
from .desk import Desk
from .fingerprint import LINK

KINDS = {"failure": "This is a failure", "judge": "The judge is wrong"}
LONGEST_REASON = 500

_PANEL = template("""
    <details class="sc-report"><summary>{summary} this answer</summary><div>
    {form}
    <section><h3>Cite this case</h3><pre class="sc-cite">{bibtex}</pre>
    <button type="button" class="sc-copy" data-copy-text="{bibtex}">{icon}<span>Copy text</span></button></section>
    </div></details>
""")
_FORM = template("""
    <form data-report="{token}"><fieldset><legend>What is wrong?</legend>
    {kinds}
    </fieldset>
    <label>Why, in your words <textarea name="reason" rows="2" maxlength="{longest}"></textarea></label>
    {image}
    <p class="sc-note">Kept with the question and the answer above, and with nothing about you. You get a receipt that
    deletes it.</p>
    <button type="submit" class="sc-copy">Send the report</button><p class="sc-note" role="status"></p></form>
""")
_KIND = Markup('<label><input type="radio" name="kind" value="{}"{}> {}</label>')
_IMAGE = Markup('<label><input type="checkbox" name="image"> Send a small copy of my picture too</label>')


def draw(desk: Desk | None, task: str, state: Any, profile: str, fingerprint: str) -> Markup:
    """The form that reports a finished TaskState, where reports are taken, and its citation."""
    form = EMPTY if desk is None else _form(desk, task, state)
    cited = bibtex(task, state, profile, fingerprint)
    summary = "Report or cite" if form else "Cite"
    return _PANEL.format(summary=summary, form=form, bibtex=cited, icon=icon("copy"))


def _form(desk: Desk, task: str, state: Any) -> Markup:
    return _FORM.format(
        token=desk.offer(task, state),
        kinds=EMPTY.join(
            _KIND.format(kind, Markup(" checked") if kind == "failure" else EMPTY, words)
            for kind, words in KINDS.items()
        ),
        longest=LONGEST_REASON,
        image=_IMAGE if getattr(state, "thumbnail", "") else EMPTY,
    )


def report_functions(desk: Desk | None) -> list[Callable[[Any], Reply]]:
    """The server functions that actions.js calls to send a report and to delete it again."""
    if desk is None:
        return []
    taker = desk

    def report(data: dict) -> Reply:
        return taker.take(data)

    def withdraw(receipt: str) -> Reply:
        return taker.withdraw(receipt)

    return [report, withdraw]


def bibtex(task: str, state: Any, profile: str, fingerprint: str) -> str:
    """The BibTeX entry of one answer. ORIGIN stands for the page's address, which actions.js knows."""
    link = state.request.to_link()
    title = _escaped(f"{task} of “{state.request.subject or 'a picture'}”")
    address = f"ORIGIN?{link}&{LINK}={fingerprint}" if link else "ORIGIN"
    note = f"Profile {_escaped(profile)}, fingerprint {fingerprint}, safeclip {safeclip.__version__}"
    return (
        f"@misc{{safeclip-{fingerprint}-{task},\n"
        f"  title = {{{{Safe-CLIP, side by side: {title}}}}},\n"
        "  author = {{The Safe-CLIP lab authors}},\n"
        f"  howpublished = {{\\url{{{address}}}}},\n"
        f"  note = {{{note}}}\n}}"
    )


_LATEX = str.maketrans(
    {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {char: f"\\{char}" for char in "{}$&#%_"}
)


def _escaped(text: str) -> str:
    """A text whose every character LaTeX prints as it is."""
    return text.translate(_LATEX)
