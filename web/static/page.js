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
    const chosen = new Set([...place.querySelectorAll("input[name=laptop]:checked")].map((box) => box.value));
    children(place, holder.content);
    // A row that moved must not leave its cross on another laptop.
    place.querySelectorAll("input[name=laptop]").forEach((box) => { box.checked = chosen.has(box.value); });
  }
  if (parts.floor || parts.notices || parts.sessions) fit();
  news();
}

// Who listens hears what needs a person, once, and nothing else of what changes.
let known;
function news() {
  const now = [...document.querySelectorAll(".notice .what")].map((notice) => notice.textContent.trim());
  if (known) {
    const fresh = now.filter((text) => !known.has(text));
    if (fresh.length) document.getElementById("news").textContent = fresh.join(". ");
  }
  known = new Set(now);
}
news();

// The wall has no scroll bar and leaves nothing empty: notices and the like are as large as suits the screen, or as small
// as they must be and still can be read from afar; the laptops have all the rest (page.css).
function fit() {
  const root = document.documentElement;
  root.style.fontSize = "";
  const wide = body.classList.contains("wall") && innerWidth >= 1200;
  document.querySelectorAll(".ports, .crowd .tiles").forEach((list) => { list.style.gridTemplateColumns = wide && list.matches(".ports") ? columns(list) : ""; });
  if (!wide) return;
  const full = Math.max(15, Math.min(innerWidth * .0104, innerHeight * .0185));
  const fits = (size) => {
    root.style.fontSize = `${size}px`;
    document.querySelectorAll(".crowd .tiles").forEach(spread);
    return root.scrollHeight <= innerHeight && root.scrollWidth <= innerWidth;
  };
  if (fits(full)) return;
  let [low, high] = [full * .72, full];
  if (!fits(low)) return;
  while (high - low > full * .02) { const middle = (low + high) / 2; if (fits(middle)) low = middle; else high = middle; }
  fits(low);
}
// A switch's ports stay in their order; columns without a laptop leave room to those that have one.
function columns(list) {
  const rows = list.matches(".rows-2") ? 2 : 1;
  const ports = [...list.children];
  const taken = Array.from({ length: Math.ceil(ports.length / rows) }, (_, at) => ports.slice(at * rows, (at + 1) * rows).some((port) => port.matches(".taken")));
  return taken.map((one) => one || !taken.includes(true) ? "minmax(0, 4fr)" : "minmax(0, 1fr)").join(" ");
}
// So many columns that tiles are as large as they can be.
function spread(list) {
  const count = list.children.length;
  let best = [0, 1];
  list.style.gridTemplateColumns = "repeat(auto-fill, minmax(8.6rem, 1fr))";
  const [wide, high] = [list.clientWidth, list.clientHeight];
  for (let across = 1; across <= Math.min(count, 16); across++) {
    const size = Math.min(wide / across / 1.5, high / Math.ceil(count / across));
    if (size > best[0]) best = [size, across];
  }
  const flat = Math.floor(wide / (3 * high / Math.ceil(count / best[1])));  // a strip across the screen is no larger to read
  list.style.gridTemplateColumns = `repeat(${Math.max(best[1], flat)}, minmax(0, 1fr))`;
}
addEventListener("resize", fit);
document.fonts.ready.then(fit);

// Events. The server speaks at least every ten seconds, but comments are not told to scripts: an open connection is
// what counts, and EventSource opens a lost one again by itself, unless the server turned it away.
let source, retry, lost = 0;

// How old what is shown is, while the server is away: seconds, then minutes.
function age() {
  if (!lost) return;
  const seconds = Math.round((Date.now() - lost) / 1000);
  document.getElementById("age").textContent = seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}
setInterval(age, 1000);

function listen() {
  source = new EventSource(body.dataset.events);
  source.addEventListener("all", (event) => show(JSON.parse(event.data)));
  source.addEventListener("some", (event) => show(JSON.parse(event.data)));
  source.onopen = () => { lost = 0; document.getElementById("offline").hidden = true; };
  source.onerror = () => {
    lost ||= Date.now();
    age();
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
  const list = dialog.querySelector("ul");  // one that scrolls can be scrolled by keyboard
  if (list.scrollHeight > list.clientHeight) list.tabIndex = 0; else list.removeAttribute("tabindex");
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


// The same for each laptop that is chosen in the list, and what they are called.
function many(commands) {
  const boxes = [...document.querySelectorAll("input[name=laptop]:checked")];
  return [boxes.flatMap((box) => commands.map((each) => ({ ...each, target: box.value }))), boxes.map((box) => box.closest("tr").querySelector(".name").textContent)];
}
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-every]")) document.querySelectorAll("input[name=laptop]").forEach((box) => { box.checked = event.target.checked; });
});

// Say something that needs no answer.
function tell(title, text = "") {
  return ask({ title, text, yes: our.well, go: async () => "" });
}

async function send(commands, fields) {
  const failed = [];
  for (const command of commands) {
    const said = await post("/api/v1/commands", { ...command, ...fields });
    if (said.status === 401) { dialog.close(); signIn(); return ""; }
    if (!said.ok) failed.push(words(said));
    else if (said.papers) location.assign(said.papers);
  }
  return [...new Set(failed)].join(" / ");
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.act");
  if (!button) return;
  const { commands, title, text, yes, lines, danger, choose, enter } = button.dataset;
  const fields = [
    ...Object.entries(JSON.parse(choose || "{}")).map(([name, options]) => choice(name, options)),
    ...Object.entries(JSON.parse(enter || "{}")).map(([name, type]) => {
      const field = make("input", { name, type, required: true, maxLength: 40, autocomplete: "off" });
      field.setAttribute("aria-labelledby", "ask-title");
      if (JSON.parse(commands).some((each) => each.do === "tag")) field.dataset.scan = "";
      return field;
    }),
  ];
  const [all, shown] = button.classList.contains("many") ? many(JSON.parse(commands)) : [JSON.parse(commands), JSON.parse(lines || "[]")];
  if (!all.length) { tell(our.choose); return; }
  ask({ title, text, yes, lines: shown, danger: danger !== undefined, fields, go: (given) => send(all, given) });
});

// Scanning. A scanner is a keyboard that types very fast and ends with Enter: wherever one is on a page, what it types
// goes to the scan field, or into a dialog's field for a number, whatever stood there. Into a dialog that asks for something
// else it must not type, nor answer it.
const scan = document.getElementById("scan");
const FAST = 50;
let burst = { text: "", at: 0, field: null, before: "" };
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  const field = document.activeElement?.matches("input, select, textarea") ? document.activeElement : null;
  const scanned = event.key === "Enter" && dialog.open && burst.text.length > 3 && event.timeStamp - burst.at < 4 * FAST;
  if (scanned && field?.dataset.scan !== undefined) {
    if (burst.text.length > 5) field.value = burst.text;  // in the place of what somebody had begun to type
    burst.text = "";
    return;
  }
  if (scanned) {
    event.preventDefault();
    if (burst.field) burst.field.value = burst.before;
    dialog.querySelector(".wrong").textContent = our.scanned;
    burst.text = "";
    return;
  }
  if (event.key.length !== 1) return;
  const goes = event.timeStamp - burst.at < FAST && burst.field === field;
  burst = { text: goes ? burst.text + event.key : event.key, at: event.timeStamp, field, before: goes ? burst.before : field?.type === "radio" || field?.type === "checkbox" ? field.value : field?.value ?? "" };
  if (!dialog.open && !field && scan && event.key !== " ") scan.focus();
}, true);

scan?.form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = scan.value.trim();
  scan.value = "";
  if (!text) return;
  const found = await fetch(`/api/v1/scan?text=${encodeURIComponent(text)}`).then((answer) => answer.ok ? answer.json() : null).catch(() => null);
  if (!found) { tell(our.failed, our.offline); return; }
  if (found.laptop) { location.assign(`/laptops/${found.laptop}`); return; }
  const title = our.nobody.replace("{tag}", found.meant || text);
  const options = found.untagged.filter((id) => found.called[id]).map((id) => [id, found.called[id]]);
  if (!options.length) { tell(title, our.none); return; }
  ask({ title, text: our.give, yes: our.gives, fields: [choice("target", { words: our.whom, options, chosen: null })], go: async ({ target }) => {
    const wrong = await send([{ do: "tag", target, text: found.meant || text }], {});
    if (!wrong && body.classList.contains("signed-in")) location.assign(`/laptops/${target}`);
    return wrong;
  } });
});
