// Opens links without leaving the page: for the tour, for Back and Forward. Raises the event "open", which every task
// hears; the one whose link it is shows its answer. A link asked for before this ran is opened now.
const open = () => {
  const link = window.safeclip.pending;
  if (link === undefined) return;
  window.safeclip.pending = undefined;
  trigger("open", { link });
};
document.addEventListener("sc-open", open);
open();
