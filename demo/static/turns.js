// Turns put what a visitor does into an order: each run, each link, each change of a control and of the tab takes the next
// number. Their answers arrive later, as parcels, and by way of `show`, which leaves out what the visitor has gone past.
const taken = { last: 0, link: 0, tab: 0, run: {}, change: {} }; // runs and changes by task
const typed = {}; // what the visitor has typed last, by task; a script's events are none of theirs
const drawn = new Set(); // the tasks that show more than what came with the page
const next = () => ++taken.last;
const taskOf = (element) => element.closest("[role=tabpanel]")?.querySelector(".sc-view")?.dataset.task;

// Whether a task's answer is on its way; style.css says so when it takes long.
const viewOf = (task) => document.querySelector(`.sc-view[data-task="${task}"]`);
const setBusy = (task, busy) => viewOf(task)?.closest(".sc-view-box")?.setAttribute("aria-busy", busy);

const turns = {
  take: (task) => (setBusy(task, true), (taken.run[task] = next())), // of a run, or of an earlier answer that is shown again
  change: (task) => (taken.change[task] = next()),
  isDrawn: (task) => drawn.has(task),
  isTyped: (box) => typed[taskOf(box)] === box.value,
  isNear: ({ dataset: { turn } }) => turn > taken.tab && Number(turn) === taken.link, // a link opens its tab with its answer
};

// What a visitor is told where no parcel comes; of a link, every tab fails, and the one that is seen says so.
turns.failed = (task, fault) => {
  setBusy(task, false);
  document.documentElement.classList.remove("sc-restoring");
  return viewOf(task)?.offsetParent ? fault : undefined;
};

// The new values of Gradio's outputs, by their index. A first screen has the turn 0, and comes once.
turns.show = (task, parcel) => {
  const { turn, opens, tab, controls, view } = parcel ?? {};
  const late = turn ? (opens && turn < taken.link) || turn < taken.run[task] : opens && drawn.has(task);
  if (!(turn < taken.run[task])) setBusy(task, false);
  if (late || !Object.keys(view ?? {}).length) return [];
  drawn.add(task);
  if (turn) taken.run[task] = turn;
  const keepsControls = turn && turn < taken.change[task];
  return Object.assign([], view, turn > taken.tab && tab, !keepsControls && controls);
};

// Whether a view shows what the visitor has gone past. A run's last state can arrive after the answer to a link: that is
// opened again.
turns.isLate = ({ dataset: { task, turn } }) => {
  drawn.add(task);
  if (!(turn < taken.run[task])) return false;
  if (taken.run[task] === taken.link) openLink(turns.link);
  return true;
};

document.addEventListener("input", ({ target, isTrusted }) => {
  if (!target.closest(".sc-ask")) return;
  turns.change(taskOf(target));
  if (isTrusted && target.closest(".sc-subject")) typed[taskOf(target)] = target.value;
}, true);

// A tab that is pressed while the page is starting is opened when it has started. Gradio would set the controls of one
// that is opened earlier a second time, over what is typed by then.
let started = false;
let pressed;
const tabOf = (search) => document.querySelector(`.sc-tabs [data-tab-id="${CSS.escape(new URLSearchParams(search).get("tab") ?? "")}"]`);
turns.start = () => {
  if (started) return;
  started = true;
  (pressed ?? tabOf(location.search))?.click();
};
setTimeout(turns.start, 8000); // where a part of the page is never loaded
document.addEventListener("click", (event) => {
  const tab = event.target.closest?.(".sc-tabs [role=tab]");
  if (!tab) return;
  if (started) {
    taken.tab = next();
  } else {
    event.stopImmediatePropagation();
    pressed = tab;
  }
}, true);

// Opens a link inside the page; router.js hears the event, or finds the link when it is loaded.
function openLink(link) {
  turns.link = link;
  turns.pending = { link, turn: (taken.link = next()) };
  document.dispatchEvent(new Event("sc-open"));
}
window.safeclip.turns = turns;
