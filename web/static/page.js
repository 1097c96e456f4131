// Keeps a page up to date by server-sent events, and sends commands. No library, nothing from elsewhere.
"use strict";

const body = document.body;
const our = document.getElementById("words").dataset;
const make = (kind, properties) => Object.assign(document.createElement(kind), properties);

// Make `old` look like `fresh` and touch nothing that is already right: focus, clicks under way and transitions survive.
function morph(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) { old.replaceWith(fresh.cloneNode(true)); return; }
  if (old.nodeType !== Node.ELEMENT_NODE) { if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue; return; }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  children(old, fresh);
}

function children(old, fresh) {
  const [have, want] = [[...old.childNodes], [...fresh.childNodes]];
  want.forEach((node, index) => have[index] ? morph(have[index], node) : old.append(node.cloneNode(true)));
  have.slice(want.length).forEach((node) => node.remove());
}

function show(parts) {
  if (parts.version && parts.version !== body.dataset.version) { location.reload(); return; }
  for (const [name, html] of Object.entries(parts)) {
    const place = document.querySelector(`[data-part="${CSS.escape(name)}"]`);
    if (!place) continue;
    const holder = document.createElement("template");
    holder.innerHTML = html;
    children(place, holder.content);
  }
  if (parts.floor || parts.notices || parts.sessions) fit();
}

// The wall has no scroll bar: on a wide screen everything shrinks a little, down to what can still be read from afar.
function fit() {
  const root = document.documentElement;
  root.style.fontSize = "";
  if (!body.classList.contains("wall") || innerWidth < 1200) return;
  const full = parseFloat(getComputedStyle(root).fontSize);
  for (let size = full; root.scrollHeight > innerHeight && size > full * .72; size -= full * .04) root.style.fontSize = `${size}px`;
}
addEventListener("resize", fit);
document.fonts.ready.then(fit);

// Events. The server speaks at least every ten seconds, but comments are not told to scripts: an open connection is
// what counts, and EventSource opens a lost one again by itself, unless the server turned it away.
let source, retry;
function listen() {
  source = new EventSource(body.dataset.events);
  source.addEventListener("all", (event) => show(JSON.parse(event.data)));
  source.addEventListener("some", (event) => show(JSON.parse(event.data)));
  source.onopen = () => { document.getElementById("offline").hidden = true; };
  source.onerror = () => {
    document.getElementById("offline").hidden = false;
    if (source.readyState === EventSource.CLOSED) { clearTimeout(retry); retry = setTimeout(listen, 3000); }
  };
}
if (body.dataset.events) {
  listen();
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
}

const clock = document.getElementById("clock");
const tick = () => { if (clock) clock.textContent = new Date().toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hour12: false }); };
tick();
setInterval(tick, 1000);

// Acting.
async function post(path, data) {
  let answer;
  try {
    answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json", Accept: "text/plain, application/json" }, body: JSON.stringify(data) });
  } catch { return { ok: false, error: our.offline, hint: "" }; }
  const [error, hint] = answer.ok ? [] : (await answer.text()).split("\n");
  const said = answer.ok ? await answer.json().catch(() => ({})) : { error, hint };
  if (answer.status === 401) left();
  return { ...said, ok: answer.ok, status: answer.status };
}

const dialog = document.getElementById("ask");
const form = dialog.querySelector("form");
const words = (error) => [error.error || our.failed, error.hint].filter(Boolean).join(". ");

// Ask with the dialog; `go(fields)` returns what went wrong, or nothing. Resolves to whether it was done.
function ask({ title, text, yes, lines = [], danger = false, fields = [], go }) {
  dialog.querySelector("h2").textContent = title;
  dialog.querySelector(".text").textContent = text || "";
  dialog.querySelector("ul").replaceChildren(...lines.map((line) => make("li", { textContent: line })));
  dialog.querySelector(".fields").replaceChildren(...fields);
  dialog.querySelector(".wrong").textContent = "";
  const button = dialog.querySelector(".go");
  button.textContent = yes;
  button.classList.toggle("danger", danger);
  dialog.showModal();
  // Enter must never overwrite or erase by itself: where something is lost, the first focus is on Back.
  (danger ? dialog.querySelector("[data-close]") : dialog.querySelector(".fields input") || button).focus();
  return new Promise((resolve) => {
    form.onsubmit = async (event) => {
      event.preventDefault();
      button.disabled = true;
      const wrong = await go(Object.fromEntries(new FormData(form)));
      button.disabled = false;
      if (wrong) { dialog.querySelector(".wrong").textContent = wrong; dialog.querySelector(".fields input:not([type=radio])")?.select(); return; }
      resolve(true);
      dialog.close();
    };
    dialog.onclose = () => resolve(false);
  });
}
dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());

// A field with its words, which stand there for whoever looks and name it for whoever listens.
function labelled(words, properties) {
  const label = make("label", { className: "field" });
  label.append(make("span", { textContent: words }), make("input", properties));
  return label;
}

// With the PIN that all know, or (after one press) with a name and password of one's own.
function signIn() {
  const said = document.getElementById("pin-words").dataset;
  const fields = make("div", { className: "entrance" });
  let named = false;
  const other = make("button", { type: "button", className: "quiet", onclick: () => { named = !named; draw(); fields.querySelector("input").focus(); } });
  const draw = () => {
    fields.replaceChildren(...(named
      ? [labelled(said.name, { name: "name", autocomplete: "username", maxLength: 24, required: true }),
        labelled(said.password, { name: "password", type: "password", autocomplete: "current-password", maxLength: 200, required: true })]
      : [labelled(said.pin, { name: "pin", className: "pin", inputMode: "numeric", autocomplete: "off", pattern: "[0-9]{6}", maxLength: 6, required: true })]), other);
    other.textContent = named ? said.shared : said.named;
    dialog.querySelector(".text").textContent = named ? "" : said.text;
  };
  draw();
  return ask({ title: said.title, text: said.text, yes: said.yes, fields: [fields], go: async (given) => {
    const answer = await post("/api/v1/sign-in", given);
    if (!answer.ok) return words(answer);
    entered(answer);
  } });
}

function entered({ role, name }) {
  if (body.classList.contains("entrance")) { location.reload(); return; }
  body.classList.remove("volunteer", "administrator");
  body.classList.add("signed-in", role);
  document.querySelectorAll(".who").forEach((place) => { place.textContent = name; });
}

function left() {
  body.classList.remove("signed-in", "volunteer", "administrator");
  document.querySelectorAll(".who").forEach((place) => { place.textContent = ""; });
}

document.getElementById("sign-in")?.addEventListener("click", async () => {
  if (!body.classList.contains("signed-in")) { signIn(); return; }
  await post("/api/v1/sign-out", {});
  left();
});
if (body.classList.contains("entrance")) signIn();

// Few choices stand there in full, so that nobody confirms half a serial number; nothing is chosen where there are several.
function choice(name, { words, options, chosen }) {
  const set = make("fieldset", {});
  set.append(make("legend", { textContent: words }), ...options.map(([value, shown]) => {
    const label = make("label", {});
    label.append(make("input", { type: "radio", name, value, required: true, checked: value === chosen }), make("span", { textContent: shown }));
    return label;
  }));
  return set;
}


async function send(commands, fields) {
  const failed = [];
  for (const command of commands) {
    const said = await post("/api/v1/commands", { ...command, ...fields });
    if (said.status === 401) { dialog.close(); signIn(); return ""; }
    if (!said.ok) failed.push(words(said));
  }
  return [...new Set(failed)].join(" / ");
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.act");
  if (!button) return;
  const { commands, title, text, yes, lines, danger, choose, enter } = button.dataset;
  const fields = [
    ...Object.entries(JSON.parse(choose || "{}")).map(([name, options]) => choice(name, options)),
    ...Object.entries(JSON.parse(enter || "{}")).map(([name, type]) => make("input", { name, type, required: true, maxLength: 40 })),
  ];
  ask({ title, text, yes, lines: JSON.parse(lines || "[]"), danger: danger !== undefined, fields, go: (given) => send(JSON.parse(commands), given) });
});
