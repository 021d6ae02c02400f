// Every view is an address. This file asks for the next address and puts the answer in place, so that sliders and keys
// feel immediate; it draws nothing and decides nothing itself.
"use strict";

const main = () => document.getElementById("main");
const busy = document.getElementById("busy");
let running = 0;

function working(change) {
  running += change;
  busy.hidden = running <= 0;
}

async function page(url) {
  working(1);
  try {
    const answer = await fetch(url, { headers: { accept: "text/html", "x-wait": "1" } });
    const text = await answer.text();
    return { url: answer.url, fresh: new DOMParser().parseFromString(text, "text/html") };
  } finally {
    working(-1);
  }
}

function problem(text) {
  const place = document.getElementById("problem") || main();
  const line = document.createElement("p");
  line.className = "problem";
  line.setAttribute("role", "alert");
  line.textContent = text;
  place.prepend(line);
}

// The pictures of a node, loaded before it is shown, so that nothing flickers.
async function loaded(node) {
  const pictures = [...node.querySelectorAll("img[src]")];
  await Promise.all(pictures.map((picture) => picture.decode().catch(() => null)));
}

// Go to an address. live: exchange only the parts that follow a slider, and leave the controls alone.
let latest = 0;
async function visit(url, { push = true, live = false } = {}) {
  const turn = ++latest;
  let answer;
  try {
    answer = await page(url);
  } catch {
    problem("The explorer does not answer. Is it still running?");
    return;
  }
  if (turn !== latest) return;
  const next = answer.fresh.getElementById("main");
  if (live && next.querySelector("[data-live]")) {
    const changed = [];
    for (const part of main().querySelectorAll("[data-live]")) {
      const other = next.querySelector("#" + CSS.escape(part.id));
      if (other && other.innerHTML !== part.innerHTML) changed.push([part, document.importNode(other, true)]);
    }
    await Promise.all(changed.map(([, node]) => loaded(node)));
    if (turn !== latest) return;
    for (const [part, node] of changed) part.replaceWith(node);
    for (const path of next.querySelectorAll(".film[data-path]")) {
      const mine = document.getElementById(path.id);
      if (mine) mine.className = path.className;
      const toggle = path.querySelector("[role=switch]");
      if (mine && toggle) mine.querySelector("[role=switch]").href = toggle.getAttribute("href");
    }
  } else {
    const focus = document.activeElement && document.activeElement.id;
    const open = [...document.querySelectorAll("details[open] > summary")].map((one) => one.textContent);
    const fresh = document.importNode(next, true);
    await loaded(fresh);
    if (turn !== latest) return;
    main().replaceWith(fresh);
    document.title = answer.fresh.title;
    for (const one of document.querySelectorAll(".fixed > summary")) if (open.includes(one.textContent)) one.parentElement.open = true;
    if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
  }
  document.querySelector("footer").replaceWith(document.importNode(answer.fresh.querySelector("footer"), true));
  if (push) history.pushState(null, "", answer.url);
  prepare();
}

addEventListener("popstate", () => visit(location.href, { push: false }));

// ---- sliders and values of a sample -----------------------------------------------------------------------

let asking = false;
let wanted = null;

// One request at a time; while it runs only the newest wish is kept.
async function follow(url, push) {
  wanted = { url, push: push || (wanted && wanted.push) };
  if (asking) return;
  asking = true;
  while (wanted) {
    const now = wanted;
    wanted = null;
    await visit(now.url, { push: now.push, live: true });
  }
  asking = false;
}

function edited(control) {
  const value = control.type === "checkbox" ? String(control.checked) : control.value;
  if (value === "") return null;
  const url = new URL(location.href);
  url.searchParams.append("edit", `set ${control.dataset.edit} ${value}`);
  return url.href;
}

function mirror(control) {
  for (const twin of document.querySelectorAll(`[data-edit="${CSS.escape(control.dataset.edit)}"]`))
    if (twin !== control && twin.type !== "checkbox") twin.value = control.value;
}

// ---- events ---------------------------------------------------------------------------------------------

document.addEventListener("input", (event) => {
  const control = event.target.closest("[data-edit]");
  if (control) {
    mirror(control);
    const url = control.type === "range" && edited(control);
    if (url) follow(url, false);
  }
  const output = event.target.parentElement?.querySelector("output");
  if (output) output.textContent = event.target.value;
});

document.addEventListener("change", (event) => {
  const control = event.target.closest("[data-edit]");
  if (control) {
    const url = edited(control);
    if (url) follow(url, true);
    return;
  }
  const form = event.target.closest("form[data-live-form]");
  if (form && !(event.target.hasAttribute("data-wait-for-choice") && !event.target.value)) form.requestSubmit();
});

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-live-form]");
  if (!form) return;
  event.preventDefault();
  const url = new URL(form.action);
  url.search = "";
  for (const [name, value] of new FormData(form)) if (value !== "") url.searchParams.append(name, value);
  visit(url.href);
});

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-visit]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
    event.preventDefault();
    visit(link.href);
    return;
  }
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.copyFrom || button.dataset.copy) {
    const text = button.dataset.copy || document.getElementById(button.dataset.copyFrom).textContent;
    const before = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      const range = document.createRange();
      range.selectNodeContents(document.getElementById(button.dataset.copyFrom) || button.previousElementSibling);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      button.textContent = "Selected: press Ctrl+C";
    }
    setTimeout(() => (button.textContent = before), 1500);
  } else if (button.id === "theme") {
    const dark = getComputedStyle(document.documentElement).colorScheme === "dark";
    theme(dark ? "light" : "dark");
  } else if (button.id === "keys") {
    document.getElementById("help").showModal();
  } else if (button.id === "download") {
    const file = new Blob([button.dataset.text], { type: "application/json" });
    const anchor = document.createElement("a");
    anchor.href = URL.createObjectURL(file);
    anchor.download = "pipeline.json";
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(anchor.href), 1000);
  } else if (button.id === "save") {
    working(1);
    const answer = await fetch(button.dataset.url, { method: "POST", body: button.dataset.state }).then((r) => r.json(), () => ({ error: "the explorer does not answer" }));
    working(-1);
    document.getElementById("saved").textContent = answer.saved ? `Saved to ${answer.saved}` : `Not saved: ${answer.error}`;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select, textarea, dialog")) return;
  // Letters are keys while a slider has the focus, but arrows move it.
  const input = event.target.closest("input");
  if (input && (!["range", "checkbox"].includes(input.type) || event.key.startsWith("Arrow"))) return;
  const cards = [...document.querySelectorAll("#grid > [data-card]")];
  const at = cards.indexOf(document.activeElement);
  const columns = cards.filter((card) => card.offsetTop === cards[0].offsetTop).length;
  const step = { ArrowRight: 1, j: 1, ArrowLeft: -1, k: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
  if (step && cards.length) {
    const to = at < 0 ? 0 : at + step;
    if (cards[to]) cards[to].focus();
    else if (Math.abs(step) === 1) document.querySelector(step > 0 ? "[rel=next]" : "[rel=prev]")?.click();
    event.preventDefault();
  } else if (step && !cards.length && Math.abs(step) === 1) {
    document.querySelector(step > 0 ? "[rel=next]" : "[rel=prev]")?.click();
  } else if (event.key === "u") document.getElementById("undo")?.click();
  else if (event.key === "g") document.getElementById("to-grid")?.click();
  else if (event.key === "o") document.getElementById("originals")?.click();
  else if (event.key === "?") document.getElementById("help").showModal();
  else if (event.key === "/") {
    const filters = document.querySelector(".filters");
    if (filters) {
      filters.open = true;
      filters.querySelector("select, input").focus();
      event.preventDefault();
    }
  }
});

// ---- pictures -------------------------------------------------------------------------------------------

async function explain(picture) {
  const frame = picture.closest(".picture");
  if (!frame || picture.classList.contains("labels")) return;
  let text = "no picture";
  try {
    const answer = await fetch(picture.src, { headers: { accept: "application/json" } });
    text = (await answer.json()).error || text;
  } catch {
    text = "The explorer does not answer. Is it still running?";
  }
  frame.className = "picture failed";
  frame.setAttribute("role", "img");
  frame.setAttribute("aria-label", picture.alt + ": " + text);
  frame.textContent = text;
}

function peek(event) {
  const card = event.target.closest?.("[data-card]");
  if (!card) return;
  card.classList.toggle("edge", card.getBoundingClientRect().right * 2 > innerWidth + card.offsetWidth * 2);
  for (const picture of card.querySelectorAll("img[data-src]")) {
    picture.src = picture.dataset.src;
    picture.removeAttribute("data-src");
  }
}
document.addEventListener("mouseover", peek);
document.addEventListener("focusin", peek);

function theme(name) {
  document.documentElement.dataset.theme = name;
  try {
    localStorage.setItem("augury-theme", name);
  } catch {
    // Without storage the choice lasts for this page.
  }
}

function prepare() {
  for (const picture of document.querySelectorAll("img[data-picture]:not([data-known])")) {
    picture.dataset.known = "1";
    const frame = picture.closest(".picture");
    if (picture.complete && picture.naturalWidth) continue;
    if (picture.complete) {
      explain(picture);
      continue;
    }
    frame.classList.add("loading");
    picture.addEventListener("load", () => frame.classList.remove("loading"));
    picture.addEventListener("error", () => explain(picture));
  }
}

let kept = null;
try {
  kept = localStorage.getItem("augury-theme");
} catch {
  // As above.
}
if (kept) document.documentElement.dataset.theme = kept;
if (innerWidth < 640) for (const one of document.querySelectorAll("[data-narrow-closed]")) one.open = false;
prepare();
if (document.getElementById("wait")) visit(location.href, { push: false });
