// Runs before the page is drawn, with window.safeclip, the page's data: links, the opening's link, the tour.
const { links, tour } = window.safeclip;
const asks = (search) => links.subjects.some((name) => new URLSearchParams(search).has(name));
let shown = location.search; // of the answer that stands
let wanted; // the link that was opened last, until its answer is there
let latest; // the same, after its answer too
let awaited = location.search.slice(1); // the link whose answer is on its way
let overtaken; // a link that another one followed before its answer was there
let replaces = asks(location.search); // whether the next answer takes the address that is shown instead of a new one

// The options of the first tab are remembered: whoever comes back finds the opening with them.
const opening = new URLSearchParams(window.safeclip.opening);
const first = links.subjects.filter((name) => opening.has(name));
const optionsOf = (link) => new URLSearchParams([...link].filter(([name]) => !links.subjects.includes(name) && name !== "made")).toString();
function keep(key, value) {
  try {
    return value === undefined ? localStorage.getItem(key) : localStorage.setItem(key, value);
  } catch {
    return null; // a browser that keeps nothing
  }
}
const presented = document.documentElement.classList.contains("sc-present") || new URLSearchParams(location.search).get("present") === "1";
const options = keep("sc-options");
if (options && !presented && !asks(location.search) && options !== optionsOf(opening)) {
  openLink(`${new URLSearchParams([...opening].filter(([name]) => first.includes(name)))}&${options}`);
}

// An address that carries a query keeps the opening example from flashing by.
if (replaces) {
  document.documentElement.classList.add("sc-restoring");
  setTimeout(() => document.documentElement.classList.remove("sc-restoring"), 8000);
}

// A link that was made with other models, pictures or code says so: its answer may differ.
const made = new URLSearchParams(location.search).get("made");
function tellMismatch() {
  const note = document.createElement("p");
  note.className = "sc-mismatch";
  note.addEventListener("click", () => note.remove());
  note.setAttribute("role", "status");
  note.textContent = `This link was made with other models, pictures or code (${made}; here ${window.safeclip.fingerprint}): what it shows may differ.`;
  document.body.append(note);
}
if (made && made !== window.safeclip.fingerprint) {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", tellMismatch);
  else tellMismatch(); // Gradio may run the head's scripts after the page is there
}

// Opens a link inside the page; router.js hears the event, or finds the link when it is loaded.
function openLink(link) {
  replaces = true;
  if (awaited && awaited !== link) overtaken = awaited;
  wanted = latest = awaited = link;
  window.safeclip.pending = link;
  document.dispatchEvent(new Event("sc-open"));
}

// Two links that are asked for in a moment may be answered in either order: the later one is what shall stand.
function answers(link, asked) {
  const given = [...new URLSearchParams(asked)].filter(([name]) => links.parameters.includes(name));
  return given.every(([name, value]) => link.get(name) === value);
}
function openAgain(link) {
  openLink(link);
  wanted = awaited = overtaken = undefined; // once
}

// A question of one's own takes the place of a link whose answer is still awaited.
const forget = () => (wanted = awaited = overtaken = undefined);
document.addEventListener("click", ({ target }) => target.closest?.(".sc-go") && forget(), true);
document.addEventListener("keydown", ({ key, target }) => key === "Enter" && target.matches?.("input, textarea") && forget(), true);

// Puts a finished answer into the address, where Back and Forward find it.
window.safeclip.answered = (link) => {
  const last = wanted;
  wanted = awaited = undefined;
  if (last && !answers(link, last)) return openAgain(last); // the answer to a link opened before it came first
  if (!last && overtaken && latest && answers(link, overtaken) && !answers(link, latest)) return openAgain(latest); // or last
  const url = new URL(location.href);
  for (const name of links.parameters) url.searchParams.delete(name);
  for (const [name, value] of link) url.searchParams.set(name, value);
  if (link.size) url.searchParams.set("made", window.safeclip.fingerprint);
  else url.searchParams.delete("made");
  if (url.search !== location.search) {
    const step = replaces || document.documentElement.classList.contains("sc-present") ? "replaceState" : "pushState";
    history[step](history.state, "", url);
  }
  shown = url.search;
  replaces = false;
  if (first.some((name) => link.has(name))) keep("sc-options", optionsOf(link));
};
window.addEventListener("popstate", () => {
  if (location.search === shown) return; // a fragment alone has changed
  shown = location.search;
  openLink(asks(shown) ? shown.slice(1) : window.safeclip.opening);
});

tour.show = (index) => openLink(tour.stops[index].link);
tour.begin = (index) => asks(location.search) || tour.show(index);
