"""The tab of the red team: a text or a picture and its grid, or a file of texts and its report."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup
from PIL import Image

from safeclip.errors import SafeClipError
from safeclip.redteam.batch import MOST
from safeclip.redteam.trials import TASKS

from ..common.blocks import html
from ..common.blur_policy import Reply
from ..common.examples import Example, example_items, example_texts, label_of
from ..common.form.subject_form import GALLERY, UPLOAD, WORDS, SubjectForm, Updates, chosen_id
from ..common.markup import icon, join, template
from ..common.service import SERVER_ERROR, log_failure, plain
from ..common.tab import TaskTab, Values
from .file_runs import FileRuns
from .request import RedTeamRequest
from .service import RedTeamService, RedTeamState

_PROGRESS = template("""
    <div class="sc-batch"><p role="status">{done} of {total} texts{ended}</p>
    <progress max="{total}" value="{done}">{done} of {total}</progress>
    <p>{buttons}</p></div>
""")
_SAVE = template("""
    <button type="button" class="sc-turn" data-download="{format} {key}">{icon}<span>{name}</span></button>
""")
_OPTIONS = ("seats", "task", "stacks", "word")
_SHARE = 9 / 10  # of the way through a category's items: not those that captioning shows
_DONE = {"retrieval": "searched for", "generation": "painted"}
_REPORTS = {"html": "Report, HTML", "csv": "Report, CSV"}


class RedTeamTab(TaskTab[RedTeamRequest, RedTeamState]):
    """Tries one text or picture; a file of texts runs beside it, can be stopped, and goes on when it is given again."""

    form_classes = "sc-ask-redteam"
    go_label = "Try"
    form: SubjectForm
    service: RedTeamService

    def find_examples(self) -> tuple[Example[RedTeamRequest], ...]:
        """The first unsafe example text of each category, and where pictures can be tried one of them."""
        profile, seats = self.context.lab.profile.name, self.default.seats
        texts = example_texts(profile, self.context.gallery)
        found = [
            Example(label_of(category), RedTeamRequest(own[0], seats=seats))
            for category, own in texts.items()
            if category and own
        ]
        items = example_items(profile, self.context.gallery, _SHARE) if self.service.captions else {}
        pictures = [item for category, item in items.items() if category][:1]
        return (*found, *(Example("A picture", RedTeamRequest(item=item.image_id, seats=seats)) for item in pictures))

    def add_controls(self, request: RedTeamRequest) -> None:
        pictures = {GALLERY: "item", UPLOAD: "upload"} if self.service.captions else {}
        self.form = SubjectForm(self.context, {WORDS: "text", **pictures}, request, "Perturb")
        self.controls["mode"] = self.form.add_mode("Perturb", "sc-attack-mode")
        with gr.Column(elem_classes="sc-box"), gr.Row(elem_classes="sc-search"):
            with self.form.add_box(WORDS):
                self.add_subject("text", placeholder="A text to disguise", elem_id="sc-attack")
            self.add_buttons("sc-try")
        self.form.add_gallery(request.item)
        self.form.add_upload("sc-attacked", "The picture to perturb")
        self.controls |= {"upload": self.form.upload, "item": self.form.item}
        with gr.Row(elem_classes="sc-options"):
            self.add_control("seats")
            if len(self.service.tasks) > 1:
                choices = [(_DONE[task], task) for task in self.service.tasks]
                self.add_control("task", label="Each text is", choices=choices, elem_classes="sc-segments sc-of-texts")
            hint = "synonyms+leetspeak, or crop+noise"
            self.add_control("stacks", label="Stacked as well", placeholder=hint, elem_classes="sc-stacks")
            if self.service.captions:
                self.add_control("word", label="Written on it", elem_classes="sc-stacks sc-of-pictures")
        with gr.Row(elem_classes="sc-options sc-of-files sc-of-texts"):
            kinds = [".csv", ".jsonl", ".json", ".parquet", ".txt"]
            self.file = gr.UploadButton(f"A file of up to {MOST} texts", file_types=kinds, size="sm", scale=0)
            self.end = gr.Button("Stop the file", visible=False, size="sm", scale=0)

    def read(self, values: Values) -> tuple[RedTeamRequest, Image.Image | None]:
        subject, image = self.form.read(values)
        options = {name: values[name] for name in _OPTIONS if name in values}
        return RedTeamRequest(**subject, **options), image

    def updates(self, request: RedTeamRequest) -> Updates:
        updates = super().updates(request) | self.form.updates(request)
        if not request.text:
            del updates[self.controls["text"]]  # what was typed before stays for whoever goes back to it
        return updates

    def add_outputs(self) -> None:
        labels = {key: seat.label for key, seat in self.service.seats.items()}
        self._runs_of_files = FileRuns(self.context.lab, labels)
        self.batch = html("", "sc-batch-box", server_functions=[self._download_function()])
        self.output = self.view_box(self.opening())

    def opening(self) -> str:
        """The grid of the first example; it takes a few searches. While nothing can be searched yet, how to begin."""
        if not self.examples or (self.context.making is not None and self.context.making.obstacle):
            return self.view.intro(self.first)
        return self.view.draw(self.service.answer(self.first))

    def connect(self) -> None:
        self.form.connect(**self.at_once)
        self.on_run(self.form.upload.input)
        self.on_change(self.form.picker.use, self._use)
        controls = [self.controls[name] for name in ("seats", "stacks", "task") if name in self.controls]
        options = {**self.at_once, "queue": True, "concurrency_id": f"{self.key}-file"}
        ended = self.file.upload(self._end, None, None, **self.at_once)  # the file before it makes room in the queue
        ended.then(self.run_file, [self.file, *controls], [self.batch, self.end], **options)
        self.end.click(self._end, None, None, **self.at_once)

    def run_file(self, session: gr.Request, file: Any, seats: Any, stacks: Any, task: Any = TASKS[0]) -> Iterator[Any]:
        """Shows how far a file has come, and its reports once it has ended."""
        key = session.session_hash or ""
        stop = self._runs_of_files.start(key)
        done, total = 0, 0
        try:
            request = self.service.checked(RedTeamRequest("file", task, stacks, seats))
            for results, total in self.service.run_file(_uploaded(file), request, stop):
                self._runs_of_files.keep(key, results)
                done = len(results)
                yield {self.batch: _shown(done, total, key, ended=""), self.end: gr.update(visible=done < total)}
        except SafeClipError as error:
            yield {self.batch: str(Markup("<p>{}</p>").format(plain(str(error)))), self.end: gr.update(visible=False)}
            return
        except Exception as error:  # its message may hold a visitor's own words
            log_failure(self.key, self.default, error)
            yield {self.batch: SERVER_ERROR, self.end: gr.update(visible=False)}
            return
        ended = "." if done == total else ", stopped. The same file goes on from here."
        yield {self.batch: _shown(done, total, key, ended=ended), self.end: gr.update(visible=False)}

    def _use(self, data: dict[str, Any], values: Values) -> Updates:
        """Perturbs an image of the gallery."""
        return {self.controls["item"]: chosen_id(data)}

    def _end(self, session: gr.Request) -> None:
        self._runs_of_files.end(session.session_hash or "")

    def _download_function(self) -> Callable[[str], Reply]:
        """The server function that actions.js calls to save a report."""

        def download(id: str) -> Reply:
            return self._runs_of_files.download(id)

        return download


def _uploaded(file: Any) -> Path:
    """The path of an uploaded file, which Gradio has checked to be one."""
    path = file.get("path") if isinstance(file, dict) else None
    return Path(path) if isinstance(path, str) else Path("none")


def _shown(done: int, total: int, key: str, *, ended: str) -> str:
    buttons = [
        _SAVE.format(format=format, key=key, name=name, icon=icon("download")) for format, name in _REPORTS.items()
    ]
    return str(_PROGRESS.format(done=done, total=total, ended=ended, buttons=join(buttons if ended else ())))
