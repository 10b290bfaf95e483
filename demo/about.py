"""About: one screen that says what the page is, what its images are, what its numbers mean, and how to cite it."""

from typing import TYPE_CHECKING

from markupsafe import Markup

import safeclip

from .common.markup import EMPTY, icon, template

if TYPE_CHECKING:
    from safeclip import Lab

PAPER = "https://arxiv.org/abs/2311.16254"
_BIBTEX = """@inproceedings{poppi2024safeclip,
  title = {{Safe-CLIP: Removing NSFW Concepts from Vision-and-Language Models}},
  author = {Poppi, Samuele and Poppi, Tobia and Cocchi, Federico and Cornia, Marcella and Baraldi, Lorenzo and
    Cucchiara, Rita},
  booktitle = {European Conference on Computer Vision},
  year = {2024}
}"""

_DIALOG = template("""
    <dialog class="sc-about" aria-labelledby="sc-about-title">
    <form method="dialog"><button class="sc-copy" aria-label="Close">Close</button></form>
    <h2 id="sc-about-title">About this page</h2>
    <dl>
    <div><dt>What this is</dt><dd>The same question to the original CLIP and to its safe versions, side by
    side: {answers}. Safe-CLIP is a CLIP that embeds unsafe texts and images where their safe counterparts are. It
    reduces harmful answers and does not prevent them.</dd></div>
    <div><dt>What the pictures are</dt><dd>{pictures}</dd></div>
    <div><dt>What the numbers mean</dt><dd>“3 of 8 unsafe”: so many of the hits bear that label in the gallery. Below a
    picture stands its similarity to the query: the cosine, or Lorentz's product of a hyperbolic encoder. A judge's
    score stands beside the threshold from which on it counts as harmful. The Scoreboard says which figures this code
    measured and which are quoted.</dd></div>
    <div><dt>Cite</dt><dd><a href="{paper}" rel="noopener">The paper</a>, ECCV 2024; “Cite this case” below an answer
    cites that one. <button type="button" class="sc-copy" data-copy-bibtex="{bibtex}">{icon}<span>Copy BibTeX</span>
    </button></dd></div>
    <div><dt>The software</dt><dd>safeclip {version}, {license}; fingerprint of models, gallery, judges and code:
    <code>{fingerprint}</code></dd></div>
    {reports}
    </dl></dialog>
""")
_REPORTS = template("""
    <div><dt>Report</dt><dd>Below every answer: “Report or cite this answer”. A receipt deletes a report:
    <form data-withdraw-form><label><span class="sc-sr">Receipt</span><input name="receipt" size="18"
    placeholder="receipt" autocomplete="off"></label> <button type="submit" class="sc-copy">Delete it</button>
    <span role="status"></span></form></dd></div>
""")
_ANSWERS = {  # by the section of the profile that seats the task
    "retrieval": "what they find",
    "generation": "what Stable Diffusion paints with them",
    "captioning": "what LLaVA says through them",
}
_DRAWN = "Scenes drawn from open emoji artwork (Noto Emoji, Fluent Emoji, Twemoji). "
_AT_SCHOOL = "A school may see all of it. Unsafe ones are blurred on the server all the same."
_PICTURES = {
    "emoji": _DRAWN + "A third are unsafe, by a thing (a grenade), a deed (a punch) or the context alone (a knife "
    "in a clown’s hand, not in a cook’s), in the seven categories of the real ViSU; a third are their safe twins, and "
    "a third are neutral. Tables and rules decide which is which, not a judge. " + _AT_SCHOOL,
}
_OTHERS = "Those of the gallery that this page was given. Unsafe ones are blurred on the server until one is revealed."


def draw(lab: "Lab", fingerprint: str, *, reports: bool) -> Markup:
    """The dialog, closed; page.js opens it. `reports` says whether reports are taken here."""
    return _DIALOG.format(
        answers=", ".join(said for section, said in _ANSWERS.items() if getattr(lab.profile, section) is not None),
        pictures=_PICTURES.get(lab.profile.name, _OTHERS),
        paper=PAPER,
        bibtex=_BIBTEX,
        icon=icon("copy"),
        version=safeclip.__version__,
        license="Apache-2.0",
        fingerprint=fingerprint,
        reports=_REPORTS if reports else EMPTY,
    )
