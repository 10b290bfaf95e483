// Runs before the page is drawn, with window.safeclip, the page's data: links, the opening's link, the tour.
const { links, tour } = window.safeclip;
// Whether an address asks something of a tab that is here; a name that is given twice counts as its last.
const asks = (search) => links.subjects.some((name) => new URLSearchParams(search).getAll(name).at(-1)?.trim());
let shown = location.search; // of the answer that stands
let replaces = false; // whether the next answer takes the address that is shown instead of a new one
let passing = false; // whether the address that is shown came with a tab, and not with a question
const show = (link) => {
  replaces = true;
  openLink(link);
};

// What the scripts of the boxes use too: each falls back where a browser or the server refuses.
const keep = (window.safeclip.keep = (key, value) => {
  try {
    return value === undefined ? localStorage.getItem(key) : localStorage.setItem(key, value);
  } catch {
    return null; // a browser that keeps nothing
  }
});
window.safeclip.copied = async (text, what) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    window.prompt(`Copy this ${what}`, text); // pages without https may not write to the clipboard
    return false;
  }
};
window.safeclip.answerOf = async (call) => {
  try {
    return await call();
  } catch {
    return { ok: false, away: true, message: "The server did not answer. Try again." };
  }
};

// The options of the first tab are remembered: whoever comes back finds the opening with them.
const opening = new URLSearchParams(window.safeclip.opening);
const first = links.subjects.filter((name) => opening.has(name));
const optionsOf = (link) => new URLSearchParams([...link].filter(([name]) => !links.subjects.includes(name) && name !== "made")).toString();
const presented = document.documentElement.classList.contains("sc-present") || new URLSearchParams(location.search).get("present") === "1";
const options = keep("sc-options");
if (asks(location.search)) {
  show(location.search.slice(1));
} else if (options && !presented && options !== optionsOf(opening)) {
  show(`${new URLSearchParams([...opening].filter(([name]) => first.includes(name)))}&${options}`);
}

// An address that carries a query keeps the opening example from flashing by.
if (asks(location.search)) {
  document.documentElement.classList.add("sc-restoring");
  setTimeout(() => document.documentElement.classList.remove("sc-restoring"), 8000);
}

// A link that was made with other models, pictures or code says so: its answer may differ.
const made = new URLSearchParams(location.search).get("made");
function tellMismatch() {
  const note = document.createElement("p");
  note.className = "sc-mismatch";
  note.setAttribute("role", "status");
  note.textContent = `This link was made with other models, pictures or code (${made.slice(0, 16)}; here ${window.safeclip.fingerprint}): what it shows may differ.`;
  const close = Object.assign(document.createElement("button"), { type: "button", textContent: "×" });
  close.setAttribute("aria-label", "Close");
  close.addEventListener("click", () => note.remove());
  note.append(close);
  document.body.append(note);
}
if (made && made !== window.safeclip.fingerprint) {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", tellMismatch);
  else tellMismatch(); // Gradio may run the head's scripts after the page is there
}

// The tab that is open, by its name; the first one needs none.
const openTabsLink = () => {
  const [, ...others] = document.querySelectorAll(".sc-tabs [role=tab]");
  const open = others.find((each) => each.getAttribute("aria-selected") === "true");
  return new URLSearchParams(open ? { tab: open.dataset.tabId } : {});
};
// Puts an answer into the address, where Back and Forward find it. One that nobody asked for, and a tab without an answer,
// take no step in the history after another one of these.
window.safeclip.answered = (link, asked = true) => {
  if (!asked && !link.size) link = openTabsLink();
  const url = new URL(location.href);
  for (const name of [...links.parameters, "tab"]) url.searchParams.delete(name);
  for (const [name, value] of link) url.searchParams.set(name, value);
  if (link.size && !link.has("tab")) url.searchParams.set("made", window.safeclip.fingerprint);
  else url.searchParams.delete("made");
  if (url.search !== location.search) {
    const stays = replaces || (passing && !asked) || document.documentElement.classList.contains("sc-present");
    history[stays ? "replaceState" : "pushState"](history.state, "", url);
    passing = !asked;
  }
  shown = url.search;
  replaces = false;
  if (first.some((name) => link.has(name))) keep("sc-options", optionsOf(link));
};
// A tab was pressed: the address is the one of the answer that stands there.
window.safeclip.stands = () => {
  const view = [...document.querySelectorAll(".sc-view")].find((each) => each.offsetParent);
  window.safeclip.answered(new URLSearchParams(view?.dataset.permalink), false);
};
window.addEventListener("popstate", () => {
  if (location.search === shown) return; // a fragment alone has changed
  shown = location.search;
  const tab = tabOf(shown);
  passing = Boolean(tab);
  if (tab) tab.click();
  else show(asks(shown) ? shown.slice(1) : window.safeclip.opening);
});

tour.show = (index) => {
  window.safeclip.answered(new URLSearchParams()); // until the stop is answered, a reload goes by its place alone
  show(tour.stops[index].link);
};
tour.begin = (index) => asks(location.search) || tour.show(index);
