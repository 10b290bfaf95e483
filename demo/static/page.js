// The header and the footer: light or dark, and Gradio's API docs, which only its own hidden footer can open.
element.querySelector(".sc-theme")?.addEventListener("click", () => {
  const dark = !document.querySelector(".dark");
  for (const root of [document.documentElement, document.body]) root.classList.toggle("dark", dark);
});
element.querySelector(".sc-api")?.addEventListener("click", () => {
  document.querySelector("footer:not(.sc-footer) button")?.click();
});
