// Actions of the buttons inside a gr.HTML. Gradio runs this once a component, with `element`, `trigger`, `server` and `watch`.
// It finds the events that a component can raise by looking for their names in quotes, so all are named here:
// "use" an image as the query, choose "towers", replace a "word", show an "example", "browse" the gallery,
// ask a "question", "recall" an earlier answer, "follow" a link, "begin" a blind round, "vote" in it.
const live = () => document.getElementById("sc-live");
const say = (text) => {
  if (live() && text) live().textContent = text;
};

const here = () => `${location.origin}${location.pathname}`;
const located = (text) => text.replace("\\url{ORIGIN", () => `\\url{${here()}`); // a title's braces have a backslash

element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || !element.contains(button)) return;
  const { send, payload, reveal, download, copy, copyText, examples } = button.dataset;
  if (button.dataset.withdraw) withdraw(button);
  if (send) trigger(send, JSON.parse(payload));
  else if (reveal) toggleReveal(button);
  else if (download) save(button);
  else if (copy !== undefined) toClipboard(button, `${here()}?${copy}&made=${window.safeclip.fingerprint}`, "link");
  else if (copyText !== undefined) toClipboard(button, located(copyText), "text");
  else if (examples) showExample(nextOf(button));
});

// A generated image can be drawn twice, in its column and under the slider: both are revealed, or neither.
const like = (name, id) => [...element.querySelectorAll(`[data-${name}="${CSS.escape(id)}"]`)];

async function toggleReveal(button) {
  const id = button.dataset.reveal;
  const twins = like("picture", id);
  const images = twins.length ? twins : [button.parentElement.querySelector("img")];
  const buttons = twins.length ? like("reveal", id) : [button];
  const label = (text) => buttons.forEach((each) => (each.querySelector("span").textContent = text));
  if (images[0].dataset.blurred) {
    for (const image of images) {
      image.src = image.dataset.blurred;
      delete image.dataset.blurred;
    }
    buttons.forEach((each) => each.classList.remove("sc-shown"));
    label(button.dataset.word);
    say("Hidden again.");
    return;
  }
  if (button.dataset.busy) return;
  for (const each of buttons) {
    each.dataset.busy = "yes";
    each.dataset.word ??= each.querySelector("span").textContent;
  }
  const answer = await asked("reveal", id);
  buttons.forEach((each) => delete each.dataset.busy);
  if (!answer.ok) {
    label(answer.locked ? "Locked" : answer.away ? "Try again" : "Gone");
    button.title = answer.message;
    say(answer.message);
    return;
  }
  for (const image of images) {
    image.dataset.blurred = image.src;
    image.src = answer.src;
  }
  for (const each of buttons) {
    each.title = "";
    each.classList.add("sc-shown");
  }
  label("Hide");
  say("Revealed.");
}

async function save(button) {
  const label = button.querySelector("span");
  button.dataset.word ??= label.textContent;
  button.dataset.about ??= button.title;
  const answer = await asked("download", button.dataset.download);
  label.textContent = answer.ok ? button.dataset.word : answer.message;
  button.title = answer.ok ? button.dataset.about : answer.message;
  if (!answer.ok) {
    say(answer.message);
    return;
  }
  const link = document.createElement("a");
  link.href = answer.src;
  link.download = answer.name;
  link.click();
  say(`Saved as ${answer.name}.`);
}

const asked = (name, id) => window.safeclip.answerOf(() => server[name](id));

async function toClipboard(button, text, what) {
  if (!(await window.safeclip.copied(text, what))) return;
  const label = button.querySelector("span");
  label.textContent = "Copied";
  say(what === "link" ? "Link copied." : "Text copied.");
  setTimeout(() => (label.textContent = `Copy ${what}`), 2000);
}

// --- examples
const nav = element.querySelector("[data-queries]");
const indicesOf = (button) => button.dataset.examples.split(",").map(Number);

function nextOf(button) {
  const indices = indicesOf(button);
  return indices[(indices.indexOf(Number(nav.dataset.current ?? 0)) + 1) % indices.length];
}

function press(index) {
  for (const button of nav.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", indicesOf(button).includes(index));
  }
}

function showExample(index) {
  nav.dataset.current = index;
  press(index);
  trigger("example", { index });
}

if (nav) {
  const queries = JSON.parse(nav.dataset.queries);
  document.addEventListener("sc-answer", ({ detail }) => {
    if (detail.task === nav.dataset.task) press(queries.indexOf(detail.query));
  });
}

// --- the gallery picker's filters
let typing;
element.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-filter]");
  if (!form) return;
  clearTimeout(typing);
  typing = setTimeout(() => {
    trigger("browse", { category: form.category.value, words: form.words.value, page: 0 });
  }, 250);
});
element.addEventListener("submit", (event) => {
  event.preventDefault();
  const { target } = event;
  if (target.matches("form[data-report]")) report(target);
  if (target.matches("form[data-vote]")) trigger("vote", { token: target.dataset.vote, safer: target.safer.value, relevant: target.relevant.value });
});

// --- reports: sent, acknowledged with a receipt, and deleted again with it
async function report(form) {
  const sending = form.querySelector("button:not([type=button])");
  sending.disabled = true; // a second press would keep a second report, whose receipt takes the first one's place
  const fields = { token: form.dataset.report, kind: form.kind.value, reason: form.reason.value, image: form.image?.checked ?? false };
  const answer = await asked("report", fields);
  const told = form.querySelector("[role=status]");
  told.textContent = answer.ok ? `${answer.message} Receipt: ${answer.receipt} ` : answer.message;
  if (!answer.ok) {
    sending.disabled = false;
    return;
  }
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "sc-copy", textContent: "Delete it again" });
  button.dataset.withdraw = answer.receipt;
  told.append(button);
}

async function withdraw(button) {
  const answer = await asked("withdraw", button.dataset.withdraw);
  if (answer.ok) {
    button.parentElement.textContent = answer.message;
    return;
  }
  button.nextSibling?.remove(); // what an earlier try was told; the receipt stays, to try again
  button.after(` ${answer.message}`);
}

// --- one image over another
const slide = (input) => input.parentElement.style.setProperty("--cut", `${input.value}%`);
element.addEventListener("input", (event) => {
  if (event.target.matches(".sc-over input")) slide(event.target);
});

// --- a new answer keeps what was open, and the focus on what is named as before
let focused = "";
const nameOf = (each) => [each.tagName, each.id, each.dataset.send, each.dataset.payload, each.dataset.reveal].join("|");
element.addEventListener("focusin", ({ target }) => (focused = nameOf(target)));
element.addEventListener("focusout", ({ relatedTarget }) => relatedTarget && (focused = ""));
element.addEventListener("toggle", ({ target }) => {
  if (target.matches(".sc-closer")) sessionStorage.setItem("sc-closer", target.open ? "yes" : "");
}, true);

function keepPlace() {
  const closer = element.querySelector(".sc-closer");
  if (closer) closer.open = Boolean(sessionStorage.getItem("sc-closer"));
  if (!focused || document.activeElement !== document.body) return;
  [...element.querySelectorAll("button, summary")].find((each) => nameOf(each) === focused)?.focus();
}

// --- the answer: a new one is announced, and the address bar follows it
const { subjects } = window.safeclip.links; // the names that links use, of all tasks
const follow = () => {
  const linked = element.querySelector(".sc-view[data-follow]");
  if (!linked) return;
  document.documentElement.classList.remove("sc-restoring"); // it shows what is being answered
  setTimeout(() => trigger("follow")); // when the ticket is set as well
};
const cite = () => element.querySelectorAll(".sc-cite").forEach((each) => (each.textContent = located(each.textContent)));
function tellAnswer() {
  document.documentElement.classList.remove("sc-restoring");
  cite();
  element.querySelectorAll(".sc-over input").forEach(slide); // where a new answer finds it
  keepPlace();
  const view = element.querySelector(".sc-view");
  if (window.safeclip.turns.isLate(view)) return;
  follow();
  const link = new URLSearchParams(view.dataset.permalink);
  const isAsked = Number(view.dataset.turn) > 0; // a first screen has the turn 0
  if (view.offsetParent || window.safeclip.turns.isNear(view)) window.safeclip.answered(link, isAsked);
  if (view.dataset.state === "writing") return; // in the address, where a reload finds it, but not said before it is whole
  say(view.dataset.say);
  const query = subjects.map((name) => link.get(name)).find((value) => value !== null);
  const words = link.get("q") ?? link.get("paint");
  document.dispatchEvent(new CustomEvent("sc-answer", { detail: { task: view.dataset.task, query, words, isAsked } }));
}
if (element.querySelector(".sc-view")) {
  keepPlace();
  cite();
  // an answer or a link can be older than this, for a tab is drawn when it is first opened
  if (element.querySelector(".sc-view[data-turn]:not([data-follow])")) setTimeout(tellAnswer); // when the chips are there
  else follow();
  watch("value", tellAnswer);
}
