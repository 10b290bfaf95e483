// Runs before the page is drawn: an address that carries a query keeps the opening example from flashing by.
const asked = new URLSearchParams(location.search);
if (window.safeclipLinks.subjects.some((name) => asked.has(name))) {
  document.documentElement.classList.add("sc-restoring");
  setTimeout(() => document.documentElement.classList.remove("sc-restoring"), 8000);
}
