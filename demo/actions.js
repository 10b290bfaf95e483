// What buttons inside a gr.HTML do. Gradio runs this once a component, with `element`, `trigger`, `server` and `watch`.
// The names of all events that can be raised, for gradio finds listeners by looking for them here in quotes:
// "use" a picture as the query, choose "towers", replace a "word", show an "example", "browse" the shelf.
const live = () => document.getElementById("sc-live");
const say = (text) => {
  if (live() && text) live().textContent = text;
};

element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || !element.contains(button)) return;
  const { send, payload, reveal, copy, examples } = button.dataset;
  if (send) trigger(send, JSON.parse(payload));
  else if (reveal) toggleReveal(button);
  else if (copy !== undefined) copyLink(button);
  else if (examples) showExample(nextOf(button));
});

async function toggleReveal(button) {
  const image = button.parentElement.querySelector("img");
  const label = button.querySelector("span");
  if (image.dataset.blurred) {
    image.src = image.dataset.blurred;
    delete image.dataset.blurred;
    button.classList.remove("sc-shown");
    label.textContent = "Reveal";
    say("Hidden again.");
    return;
  }
  let answer;
  try {
    answer = await server.reveal(button.dataset.reveal);
  } catch {
    answer = { ok: false, message: "The server did not answer. Try again." };
  }
  if (!answer.ok) {
    label.textContent = "Locked";
    button.title = answer.message;
    say(answer.message);
    return;
  }
  image.dataset.blurred = image.src;
  image.src = answer.src;
  button.classList.add("sc-shown");
  label.textContent = "Hide";
  say("Revealed.");
}

async function copyLink(button) {
  const link = `${location.origin}${location.pathname}?${button.dataset.copy}`;
  const label = button.querySelector("span");
  try {
    await navigator.clipboard.writeText(link);
    label.textContent = "Copied";
    say("Link copied.");
    setTimeout(() => (label.textContent = "Copy link"), 2000);
  } catch {
    window.prompt("Copy this link", link); // pages without https may not write to the clipboard
  }
}

// --- examples
const nav = element.querySelector(".sc-examples");
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
  document.addEventListener("sc-answer", (event) => press(queries.indexOf(event.detail)));
  const steps = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1 };
  document.addEventListener("keydown", (event) => {
    const step = steps[event.key];
    if (!step || !document.documentElement.classList.contains("sc-present")) return;
    if (event.target.closest("input, textarea, select, [role=tab]")) return;
    event.preventDefault();
    showExample((Number(nav.dataset.current ?? 0) + step + queries.length) % queries.length);
  });
}

// --- the shelf's filters
let typing;
element.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-filter]");
  if (!form) return;
  clearTimeout(typing);
  typing = setTimeout(() => {
    trigger("browse", { category: form.category.value, words: form.words.value, page: 0 });
  }, 250);
});
element.addEventListener("submit", (event) => event.preventDefault());

// --- the stage: a new answer is announced, and the address bar follows it
if (element.querySelector(".sc-stage")) {
  watch("value", () => {
    document.documentElement.classList.remove("sc-restoring");
    const stage = element.querySelector(".sc-stage");
    say(stage.dataset.say);
    const asked = new URLSearchParams(stage.dataset.permalink);
    const url = new URL(location.href);
    for (const name of ["q", "item", "search", "k", "towers", "seats"]) url.searchParams.delete(name);
    for (const [name, value] of asked) url.searchParams.set(name, value);
    history.replaceState(history.state, "", url);
    document.dispatchEvent(new CustomEvent("sc-answer", { detail: asked.get("item") ?? asked.get("q") }));
  });
}
