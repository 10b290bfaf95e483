// The header and the footer: light or dark, "About", Gradio's API docs, which only its own hidden footer can open, arrow
// keys on tabs, and what one tab carries to the next.
const root = document.documentElement;
const { keep, copied, answerOf } = window.safeclip;

// --- light or dark, as it was chosen last
const shade = (dark) => [root, document.body].forEach((each) => each.classList.toggle("dark", dark));
element.querySelector(".sc-theme")?.addEventListener("click", () => {
  const dark = !document.querySelector(".dark");
  shade(dark);
  keep("sc-dark", dark ? "yes" : "no");
});
if (element.querySelector(".sc-theme") && keep("sc-dark")) shade(keep("sc-dark") === "yes");

// --- about, and the API's documentation
const about = element.querySelector("dialog.sc-about");
element.querySelector(".sc-about-button")?.addEventListener("click", () => about.showModal());
about?.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy-bibtex]");
  if (button && (await copied(button.dataset.copyBibtex, "text"))) button.querySelector("span").textContent = "Copied";
});
about?.querySelector("[data-withdraw-form]")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const { message } = await answerOf(() => server.withdraw(form.receipt.value));
  form.querySelector("[role=status]").textContent = message;
});
element.querySelector(".sc-api")?.addEventListener("click", () => {
  document.querySelector("footer:not(.sc-footer) button")?.click();
});

// --- to the answer, past the controls
element.querySelector(".sc-skip")?.addEventListener("click", (event) => {
  event.preventDefault();
  [...document.querySelectorAll(".sc-view, .sc-scoreboard")].find((each) => each.offsetParent)?.focus();
});

// --- what the keyboard focuses in a row that scrolls is wholly seen: Chromium is content with 32 px of it
if (element.querySelector(".sc-theme")) {
  document.addEventListener("focusin", ({ target }) => {
    const each = target.matches(":focus-visible") && (target.closest(".sc-chip, .sc-tile") ?? target.closest(".sc-options label"));
    if (each) each.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
}

// --- tabs: arrow keys, the address of the answer that stands there, and the words that were asked go along
if (element.querySelector(".sc-theme")) {
  let asked = "";
  document.addEventListener("sc-answer", ({ detail }) => (asked = (detail.isAsked && detail.words) || asked));
  document.addEventListener("keydown", (event) => {
    const tab = event.target.closest?.(".sc-tabs [role=tab]");
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!tab || !step) return;
    const tabs = [...tab.parentElement.querySelectorAll("[role=tab]")];
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    next.click();
    next.focus();
  });
  document.addEventListener("click", ({ target }) => {
    if (!target.closest?.(".sc-tabs [role=tab]")) return;
    requestAnimationFrame(() => {
      window.safeclip.stands();
      for (const box of document.querySelectorAll("#sc-text input, #sc-prompt input")) {
        if (!asked || !box.offsetParent || box.value === asked || window.safeclip.turns.isTyped(box)) continue;
        box.value = asked;
        box.dispatchEvent(new Event("input", { bubbles: true }));
      }
    });
  });
}

// --- names of the world complete the word that is typed
if (element.querySelector(".sc-theme")) {
  const list = document.createElement("datalist");
  list.id = "sc-names";
  document.body.append(list);
  document.addEventListener("input", ({ target }) => {
    if (!target.matches?.("#sc-text input, #sc-prompt input")) return;
    target.setAttribute("list", list.id);
    const [, before, word] = /^(.*?)([\p{L}-]*)$/u.exec(target.value);
    const fitting = word.length < 2 ? [] : window.safeclip.names.filter((name) => name.startsWith(word.toLowerCase()));
    list.replaceChildren(
      ...fitting.slice(0, 8).map((name) => Object.assign(document.createElement("option"), { value: before + name })),
    );
  });
  // Gradio's slider searches when a pointer lets go of it: keys and typed numbers let go, too.
  document.addEventListener("change", ({ target }) => {
    const range = target.closest?.(".sc-k")?.querySelector("input[type=range]");
    if (!range) return;
    if (target !== range && target === document.activeElement) target.blur(); // which brings a number into its range
    setTimeout(() => range.dispatchEvent(new PointerEvent("pointerup", { bubbles: true })));
  });
}
