// The stage: walks through the stops of window.safeclip.tour by keys, clickers and touch, on the page and in the exported
// file. `tour.show(index)` shows the answer of a stop; all else is here: place, clock, blank screen, notes. The place is
// the fragment of the address, and the clock is of the browser's session, so both outlast a reload.
{
  const tour = window.safeclip.tour;
  const root = document.documentElement;
  if (new URLSearchParams(location.search).get("present") === "1") root.classList.add("sc-present");
  const presenting = () => root.classList.contains("sc-present") && tour.stops.length > 0;

  const last = tour.stops.length - 1;
  const placeOf = (text) => Math.min(Math.max((parseInt(text, 10) || 1) - 1, 0), last);
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  const made = (html) => {
    const box = document.createElement("template");
    box.innerHTML = html;
    return box.content.firstElementChild;
  };

  let at = placeOf(location.hash.slice(1));
  const stored = (key, make) => sessionStorage.getItem(key) ?? (sessionStorage.setItem(key, make()), sessionStorage.getItem(key));
  const began = () => Number(stored("sc-began", () => Date.now()));
  const channel = new BroadcastChannel(stored("sc-channel", () => `safeclip-${Math.random().toString(36).slice(2)}`));

  const bar = made(`<aside class="sc-tour-bar" aria-label="Tour">
    <button type="button" data-step="-1" aria-label="Previous stop">←</button><b class="sc-tour-bar-place"></b>
    <button type="button" data-step="1" aria-label="Next stop">→</button>
    <p role="status"><b></b> <span></span></p><time></time></aside>`);
  const blank = made('<div class="sc-blank" hidden></div>');
  const code = made('<figure class="sc-code" hidden><div></div><figcaption></figcaption></figure>');

  // Whether what is seen is the answer to a stop: its link may leave out what an answer's has.
  function isSeen(stop) {
    const view = [...document.querySelectorAll(".sc-view")].find((each) => each.offsetParent);
    const seen = new URLSearchParams(view?.dataset.permalink);
    return [...new URLSearchParams(stop.link)].every(([name, value]) => seen.get(name) === value);
  }

  // The code belongs to the last stop, and lies over no other answer.
  const showCode = () => (code.hidden = !tour.code || at !== last || !isSeen(tour.stops[at]));

  function draw() {
    const stop = tour.stops[at];
    bar.querySelector(".sc-tour-bar-place").textContent = `${at + 1} / ${last + 1}`;
    bar.querySelector("p b").textContent = stop.title;
    bar.querySelector("p span").textContent = stop.point;
    showCode();
    channel.postMessage({ notes: notesOf(at) });
  }

  function tick() {
    const now = (Date.now() - began()) / 1000;
    bar.querySelector("time").textContent = `${clock(now)} / ${clock(tour.seconds)}`;
    const due = tour.stops.slice(0, at + 1).reduce((sum, stop) => sum + stop.seconds, 0);
    bar.dataset.late = now > due ? "yes" : "no";
    showCode();
    channel.postMessage({ clock: bar.querySelector("time").textContent, late: bar.dataset.late });
  }

  function go(place) {
    blank.hidden = true;
    place = Math.min(Math.max(place, 0), last);
    if (place === at && isSeen(tour.stops[at])) return;
    at = place;
    const url = new URL(location.href); // a bare fragment would be one of Gradio's <base>, without the query
    url.hash = at + 1;
    history.replaceState(history.state, "", url);
    draw();
    tick();
    tour.show(at);
  }

  const notesOf = (place) => ({
    place: `${place + 1} / ${last + 1}`,
    title: tour.stops[place].title,
    text: tour.stops[place].notes || tour.stops[place].point || tour.lead,
    next: tour.stops[place + 1]?.title ?? "the end",
  });

  // The second window runs a script of its own: it outlives a reload of the page, and sends its keys back.
  function openNotes() {
    const window_ = window.open("", "safeclip-notes", "popup,width=680,height=520");
    if (!window_) return;
    window_.document.body.innerHTML = "";
    window_.document.title = "Notes";
    const script = window_.document.createElement("script");
    script.textContent = `(${notesWindow})(${JSON.stringify(channel.name)})`;
    window_.document.body.append(script);
  }

  function notesWindow(name) {
    const channel = new BroadcastChannel(name);
    document.body.style.cssText = "margin:0;padding:28px;font:22px/1.5 system-ui;background:#101216;color:#efede7";
    const parts = {};
    for (const [key, style] of Object.entries({
      place: "color:#a5a8b1", title: "font-size:30px;font-weight:700", text: "white-space:pre-wrap",
      next: "color:#a5a8b1", clock: "font-size:40px;font-variant-numeric:tabular-nums",
    })) {
      parts[key] = document.createElement("p");
      parts[key].id = key;
      parts[key].style.cssText = `margin:0 0 14px;${style}`;
      document.body.append(parts[key]);
    }
    channel.onmessage = ({ data }) => {
      if (data.notes) {
        for (const key of ["place", "title", "text"]) parts[key].textContent = data.notes[key];
        parts.next.textContent = `Next: ${data.notes.next}`;
      }
      if (data.clock) parts.clock.textContent = data.clock;
      if (data.late) parts.clock.style.color = data.late === "yes" ? "#ff9d5c" : "#6bbcf0";
    };
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      channel.postMessage({ key: event.key });
    });
    channel.postMessage({ hello: true });
  }

  const steps = { ArrowRight: 1, ArrowDown: 1, PageDown: 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1 };
  const actions = {
    b: () => (blank.hidden = !blank.hidden),
    ".": () => (blank.hidden = !blank.hidden),
    c: () => root.classList.toggle("sc-controls"),
    n: openNotes,
    t: () => (sessionStorage.setItem("sc-began", Date.now()), tick()),
    0: () => go(at),
    Home: () => go(0),
    End: () => go(last),
  };

  // Whether the key did something. While a text is typed, only a clicker's keys do.
  function press(key, typing) {
    const name = key.length === 1 ? key.toLowerCase() : key;
    if (typing && !name.startsWith("Page")) return false;
    if (name in steps) go(at + steps[name]);
    else if (name in actions) actions[name]();
    else if (/^[1-9]$/.test(name)) return openTab(Number(name) - 1);
    else return false;
    return true;
  }

  function openTab(index) {
    const tab = document.querySelectorAll(".sc-tabs [role=tab]")[index];
    tab?.click();
    return Boolean(tab);
  }

  const TYPED = "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=range], [type=button])";

  function onKey(event) {
    if (!presenting() || event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = Boolean(event.target.closest?.(TYPED));
    if (typing && event.key === "Enter") setTimeout(() => event.target.blur()); // the arrows are the tour's again
    if (!press(event.key, typing)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  function start() {
    if (!presenting()) return;
    code.querySelector("div").innerHTML = tour.code;
    code.querySelector("figcaption").textContent = `${tour.scan} ${tour.address}`;
    document.body.append(bar, blank, code);
    bar.addEventListener("click", (event) => go(at + Number(event.target.closest("button")?.dataset.step ?? 0)));
    blank.addEventListener("click", () => (blank.hidden = true));
    channel.onmessage = ({ data }) => {
      if (data.hello) draw();
      if (data.key) press(data.key, false);
    };
    document.addEventListener("sc-answer", showCode);
    draw();
    tick();
    setInterval(tick, 1000);
    tour.begin(at);
  }

  window.addEventListener("keydown", onKey, true); // before any control hears it
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
}
