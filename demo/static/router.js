// Opens links without leaving the page: for the tour, for Back and Forward. Raises the event "open", which every task
// hears; the one whose link it is shows its answer. A link asked for before this ran is opened now.
const open = () => {
  const { pending } = window.safeclip.turns;
  if (!pending) return;
  window.safeclip.turns.pending = undefined;
  trigger("open", pending);
};
document.addEventListener("sc-open", open);
open();
