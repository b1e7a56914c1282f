// The page on the look-up service. Everything that comes from a profile becomes text by
// textContent and nothing else, so a title or a host can say what it likes.
"use strict";

const $ = (id) => document.getElementById(id);
const acting = document.documentElement.dataset.acting === "true";
const words = {
  en: { engage: "talk about it", hold: "wait", avoid: "do not talk about it" },
  de: { engage: "ansprechen", hold: "abwarten", avoid: "nicht ansprechen" },
};
const trends = {
  en: { new: "new", rising: "rising", steady: "steady", fading: "fading", burst: "sudden burst" },
  de: { new: "neu", rising: "steigend", steady: "gleichbleibend", fading: "nachlassend", burst: "plötzlich viel" },
};
// What else stands on the page, as it is in English, in German.
const german = {
  "Interest profiles": "Interessenprofile", Account: "Konto", Words: "Worte", Show: "Zeigen", Access: "Zugang",
  Token: "Token", Purpose: "Zweck", "As the customer reads it": "Wie der Kunde es liest", Print: "Drucken",
  "Open a fault": "Störung melden", "Close the fault": "Störung beheben", "Forget me": "Vergesst mich",
  "Forget me: press again": "Vergesst mich: noch einmal drücken", "What changed": "Was sich änderte",
  Household: "Haushalt", "May it be used?": "Darf es genutzt werden?", "Not to talk about": "Worüber nicht zu sprechen ist",
  Interests: "Interessen", "Nothing stands out so far that could be acted on. This profile changes by itself when more has been seen.": "Bisher ragt nichts heraus, nach dem sich handeln ließe. Dieses Profil ändert sich von selbst, wenn mehr gesehen wurde.",
  "For all of them": "Für alle zusammen", "Why, in detail": "Warum, im Einzelnen", "until {0}": "bis {0}", "strong enough": "stark genug",
  "wait: a fault is open": "abwarten: Störung offen", "wait: no offers at present": "abwarten: zurzeit keine Angebote",
  "Strong enough, but no offers while a fault or complaint is open": "Stark genug, aber keine Angebote, solange eine Störung oder Beschwerde offen ist",
  "Strong enough, but no offers at present": "Stark genug, aber zurzeit keine Angebote",
  "Tomorrow: the chance that time is spent on it.": "Morgen: die Wahrscheinlichkeit, dass Zeit damit verbracht wird.",
  "Margin: nine times in ten the chance is more than the left end, and nine times in ten less than the right.": "Spanne: neun von zehn Malen ist die Wahrscheinlichkeit größer als das linke Ende, und neun von zehn Malen kleiner als das rechte.",
  tomorrow: "morgen", margin: "Spanne",
  "{0} profiles of {1}. Changes arrive by themselves.": "{0} Profile von {1}. Änderungen kommen von selbst.",
  "1 profile of {1}. Changes arrive by themselves.": "1 Profil von {1}. Änderungen kommen von selbst.",
  "version {0}, as of {1}": "Version {0}, Stand {1}", ", {0} events on {1} days": ", {0} Ereignisse an {1} Tagen", "{0} more": "{0} weitere",
  "{0} records behind.": "{0} Sätze zurück.", "The profile is gone.": "Das Profil ist gelöscht.", "Asking…": "Wird gefragt …",
  "Said. Its effect shows as soon as the stream has it.": "Gesagt. Die Wirkung zeigt sich, sobald der Strom es hat.",
  "The service does not answer.": "Der Dienst antwortet nicht.", "Type an account and press Show.": "Ein Konto eingeben und Zeigen drücken.",
  "{0}: new, {1}": "{0}: neu, {1}", "{0}: no longer there": "{0}: nicht mehr da", "{0} is gone": "{0} ist gelöscht", "{0} changed": "{0} hat sich geändert",
  "Why not engage?": "Warum nicht ansprechen?", "Bought it": "Gekauft", "Is this right?": "Stimmt das?", "Yes": "Ja", "Not for me": "Nichts für mich", "Not any more": "Nicht mehr", "That wasn't me": "Das war nicht ich",
  "What is true (the simulation knows)": "Was wahr ist (die Simulation weiß es)", "Up to date.": "Auf dem neuesten Stand.",
};
const inWords = (text, ...values) =>
  (($("language").value === "de" && german[text]) || text).replace(/\{(\d)\}/g, (_, at) => values[at]);
function translate() {
  for (const found of document.querySelectorAll("[data-say]")) found.textContent = inWords(found.dataset.say);
}
const NOTHING = "Nothing stands out so far that could be acted on. This profile changes by itself when more has been seen.";
const MARGIN = "Margin: nine times in ten the chance is more than the left end, and nine times in ten less than the right.";
const FIRST = 6; // interests shown at once; the others are behind "more"
const TRUE_SHOWN = 8; // true interests shown, the strongest
const wide = matchMedia("(min-width: 48rem)"); // room for the details of each row
const onPaper = matchMedia("print");
const folds = new Map(); // what was opened or closed by hand, by name
let shown = null; // {account, versions, tag}
let watching = null; // AbortController of the stream of changes
let last = null; // id of the last change seen

// The token comes behind the #, which no server is told, and goes from the address at once.
const given = new URLSearchParams(location.hash.slice(1));
if (given.has("token")) {
  sessionStorage.setItem("token", given.get("token"));
  history.replaceState(null, "", location.pathname);
}
$("token").value = sessionStorage.getItem("token") || "";
for (const account of (given.get("accounts") || "").split(",").filter(Boolean)) {
  const option = document.createElement("option");
  option.value = account;
  $("seen").append(option);
}

function make(name, text, kind) {
  const found = document.createElement(name);
  if (text !== undefined) found.textContent = text;
  if (kind) found.className = kind;
  return found;
}

function say(text, bad = false) {
  $("status").textContent = text;
  $("status").classList.toggle("bad", bad);
}

function ask(path, options = {}) {
  const headers = { Authorization: `Bearer ${$("token").value}`, ...(options.headers || {}) };
  return fetch(path, { ...options, headers, credentials: "omit", cache: "no-store" });
}

async function problem(answer) {
  const told = await answer.json().catch(() => ({}));
  return told.detail || `The service answered ${answer.status}.`;
}

const digits = (number) => String(number).padStart(2, "0");

/** Time on the customer's clock, minutes from UTC, as all days of a profile are; UTC where none is known. */
function onClock(ms, minutes) {
  if (!Number.isFinite(ms)) return "?";
  const off = Number.isInteger(minutes) && Math.abs(minutes) <= 14 * 60 ? minutes : 0;
  const size = Math.abs(off);
  const zone = off ? `UTC${off < 0 ? "-" : "+"}${digits(Math.floor(size / 60))}:${digits(size % 60)}` : "UTC";
  return `${new Date(ms + off * 60_000).toISOString().slice(0, 16).replace("T", " ")} (${zone})`;
}

const share = (value) => (typeof value === "number" ? value : 0);

function measure(label, value, text) {
  const bar = make("progress");
  bar.max = 1;
  bar.value = Math.max(0, Math.min(1, share(value)));
  bar.setAttribute("aria-label", label);
  return [make("span", label), bar, make("output", text)];
}

/** What opens and closes, and stays so when the page is made anew; on paper all is open. */
function fold(name, kind, summary, unfolded, ...parts) {
  const found = make("details", undefined, kind);
  found.dataset.fold = name;
  found.open = folds.get(name) ?? unfolded;
  summary.addEventListener("click", () => folds.set(name, !found.open));
  found.append(summary, ...parts);
  return found;
}

function unfold() {
  for (const found of document.querySelectorAll("details[data-fold]:not([open])")) {
    found.dataset.folded = "yes";
    found.open = true;
  }
}

function refold() {
  for (const found of document.querySelectorAll("details[data-folded]")) {
    delete found.dataset.folded;
    found.open = false;
  }
}

function button(text, name, run) {
  text = inWords(text);
  const found = make("button", text);
  found.type = "button";
  found.setAttribute("aria-label", `${text}: ${name}`);
  found.addEventListener("click", () => run(found));
  return found;
}

const changed = (was, is) =>
  !was || was.score !== is.score || was.stance !== is.stance || was.trend !== is.trend;
const brief = (item) => `${words[$("language").value][item.stance] || item.stance}, ${Math.round(share(item.score) * 100)} %`;

// What the versions of a subject differ in, a line per interest.
function differences(before, raw) {
  const now = new Map((raw.interests || []).map((item) => [item.id, item]));
  const lines = [];
  for (const [id, item] of now) {
    const was = before.get(id);
    if (!was) lines.push(inWords("{0}: new, {1}", item.name || id, brief(item)));
    else if (changed(was, item)) lines.push(`${item.name || id}: ${brief(was)} → ${brief(item)}`);
  }
  for (const [id, item] of before) if (!now.has(id)) lines.push(inWords("{0}: no longer there", item.name || id));
  return lines.map((line) => `${raw.subject}, ${line}`);
}

// What was first seen this week, or on a day or two, has no trend yet, nor has what was not seen for a week, or is not to be talked about.
function hasTrend(item, days, written) {
  const halted = (item.reasons || []).some((reason) => ["care_case", "on_hold"].includes(reason.code));
  if (!item.trend || item.stance === "avoid" || halted || (days && days.value <= 2)) return false;
  const [away, old] = [item.last_active, item.first_seen].map((day) => (written - Date.parse(day)) / 86400000); // from midnight of that day
  if (old < 8) return false;
  return !(away >= 8 && ["rising", "steady"].includes(item.trend));
}

// Stance of an interest, until when, and its trend: never apart at a line's end.
function signs(item, stance, days, written) {
  const found = make("span", undefined, "signs");
  const halt = stance === "hold" && halted(item);
  const held = halt === "care_case" ? "wait: a fault is open" : "wait: no offers at present";
  found.append(make("span", halt ? inWords(held) : words[$("language").value][stance], `stance ${stance}`));
  if (halt && strongBut(item)) found.append(make("strong", inWords("strong enough"), "until"));
  if (item.ends && stance !== "hold") found.append(make("strong", inWords("until {0}", item.ends), "until"));
  if (hasTrend(item, days, written)) found.append(make("span", trends[$("language").value][item.trend] || item.trend, "trend"));
  return found;
}

function interest(item, raw, before, mine) {
  const subject = raw.subject;
  const written = Math.max(raw.as_of || 0, raw.computed_at || 0);
  const stance = ["engage", "hold", "avoid"].includes(item.stance) ? item.stance : "hold";
  const row = make("li", undefined, `is-${stance}`);
  if (before && changed(before.get(item.id), item)) row.classList.add("fresh");
  const head = make("div", undefined, "head");
  const days = (item.reasons || []).find((reason) => reason.code === "active_days_28");
  head.append(make("span", item.name || item.id, "name"), signs(item, stance, days, written));
  row.append(head);
  row.append(prose(item.words || "", item.name, `${subject} ${item.id}`));
  const bars = make("div", undefined, "measures");
  bars.append(...measure(inWords("tomorrow"), item.score, `${Math.round(share(item.score) * 100)} %`));
  bars.append(...margin(item.margin));
  row.append(bars);
  row.append(make("p", customerLine(item, raw, mine), "customer"));
  const acts = make("div", undefined, "acts");
  if (stance !== "engage") acts.append(button("Why not engage?", item.name, (b) => why(subject, item, row, b)));
  if (acting) {
    acts.append(button("Bought it", item.name, (b) => act("bought", b, item.id)));
    acts.append(make("span", inWords("Is this right?"), "question"));
    acts.append(button("Yes", item.name, (b) => act("like", b, item.id)));
    acts.append(button("Not for me", item.name, (b) => act("not-for-me", b, item.id)));
    acts.append(button("Not any more", item.name, (b) => act("not-any-more", b, item.id)));
    if (item.attributed) acts.append(button("That wasn't me", item.name, (b) => act("not-me", b, item.id)));
  }
  row.append(acts);
  return row;
}

// No date or figure is cut at a line's end.
function whole(node, text) {
  for (const piece of text.split(/(\d{4}-\d\d-\d\d|\d+ %|[\d,]+-mal)/)) {
    node.append(/^\d/.test(piece) && /(-\d\d|%|-mal)$/.test(piece) ? make("span", piece, "whole") : piece);
  }
  return node;
}

// Sentences of an interest: what to do and why stands out, and the rest opens where there is little room.
function prose(text, name, key) {
  const found = make("div", undefined, "words");
  const first = text.search(/\.\s(?=\p{Lu})/u) + 1 || text.length;
  found.append(whole(make("p", undefined, "lead"), text.slice(0, first)));
  const rest = text.slice(first).trim();
  if (!rest) return found;
  const summary = make("summary", inWords("Why, in detail"));
  summary.setAttribute("aria-label", `${inWords("Why, in detail")}: ${name}`);
  found.append(fold(key, "detail", summary, wide.matches, whole(make("p"), rest)));
  return found;
}

// The chance at worst and at best, as a stretch of the bar.
function margin(found) {
  if (!found) return [];
  const label = inWords(MARGIN);
  const bar = make("span", undefined, "range");
  const stretch = make("span");
  const low = Math.max(0, Math.min(1, share(found.low)));
  const high = Math.max(low, Math.min(1, share(found.high)));
  stretch.style.marginLeft = `${100 * low}%`;
  stretch.style.width = `${Math.max(1, 100 * (high - low))}%`;
  bar.append(stretch);
  bar.title = label;
  return [make("span", inWords("margin")), bar, make("output", `${Math.round(100 * low)}–${Math.round(100 * high)} %`)];
}

// What there is to do, by name, before any figures; what only a halt of all offers holds back, apart.
function toDo(items) {
  const line = (text, found) =>
    found.length ? [`${text[0].toUpperCase()}${text.slice(1)}: ${found.map((item) => item.name || item.id).join(", ")}.`] : [];
  const held = (code) => items.filter((item) => strongBut(item) && halted(item) === code);
  const of = (stance) => line(words[$("language").value][stance], items.filter((item) => item.stance === stance && !strongBut(item)));
  return [
    ...of("engage"),
    ...line(inWords("Strong enough, but no offers while a fault or complaint is open"), held("care_case")),
    ...line(inWords("Strong enough, but no offers at present"), held("on_hold")),
    ...of("avoid"), ...of("hold"),
  ];
}

// A list under its title. What is said of each profile alike stands above them all, and in each again on paper.
function sentences(title, lines, shared = new Set()) {
  if (!lines.length) return [];
  const list = make("ul", undefined, "sentences");
  for (const [text, kind] of lines) list.append(make("li", text, shared.has(text) ? `${kind} shared` : kind));
  const all = lines.every(([text]) => shared.has(text)) ? "shared" : "";
  list.classList.toggle("shared", Boolean(all));
  return [make("h3", inWords(title), all), list];
}

const permissions = (raw) => Object.entries(raw.contactable || {}).map(([use, item]) => [item.words || use, item.value === true ? "yes" : "no"]);
const suppressed = (raw) => (raw.suppressions || []).map((item) => [item.words || `${item.scope}: ${item.reason}`, "quiet"]);

/** What each of several profiles says alike, said once above them. */
function common(raws) {
  const [first, ...others] = raws;
  const alike = (of) => of(first).filter(([text]) => others.every((raw) => of(raw).some(([other]) => other === text)));
  const [may, not] = others.length ? [alike(permissions), alike(suppressed)] : [[], []];
  const box = make("section", undefined, "common");
  const title = make("h2", inWords("For all of them"));
  box.append(title);
  for (const [name, lines] of [["May it be used?", may], ["Not to talk about", not]]) {
    const part = make("div");
    part.append(...sentences(name, lines));
    box.append(part);
  }
  return { box: may.length + not.length ? [box] : [], shared: new Set([...may, ...not].map(([text]) => text)) };
}

// In a demonstration: what is true, beside what of it was learned.
function truth(items, learned) {
  const found = new Map(learned.map((item) => [item.id, item]));
  return sentences("What is true (the simulation knows)", items.slice(0, TRUE_SHOWN).map((item) => {
    const said = found.get(item.id);
    const days = `${item.name}: on ${Math.round(share(item.days) * 100)} % of usual days`;
    return [`${days}; ${said ? `learned, ${brief(said)}` : "not in this profile"}`, said ? "yes" : "no"];
  }));
}

function profile(raw, title, account, before, true_, shared, mine) {
  const card = make("article");
  card.dataset.subject = raw.subject;
  card.dataset.version = raw.version;
  card.append(make("h2", title));
  const events = raw.evidence ? inWords(", {0} events on {1} days", raw.evidence.events, raw.evidence.days) : "";
  card.append(make("p", inWords("version {0}, as of {1}", raw.version, onClock(raw.as_of, raw.context?.tz_offset_min)) + events, "about"));
  card.append(paper(raw, account, mine));
  const uses = make("div", undefined, "uses");
  uses.append(...sentences("May it be used?", permissions(raw), shared), ...sentences("Not to talk about", suppressed(raw), shared));
  card.append(uses);
  card.append(make("h3", inWords("Interests")));
  card.append(...toDo(raw.interests || []).map((line) => make("p", line, "todo")));
  const rows = (raw.interests || []).map((item) => interest(item, raw, before, mine));
  if (!rows.length) card.append(make("p", inWords(NOTHING), "todo"), make("p", mine.sheet.none, "customer"));
  for (const [part, start] of [[rows.slice(0, FIRST), 1], [rows.slice(FIRST), FIRST + 1]]) {
    if (!part.length) continue;
    const list = make("ol", undefined, "interests");
    list.start = start;
    list.append(...part);
    const more = make("summary", inWords("{0} more", part.length));
    card.append(start === 1 ? list : fold(raw.subject, "more", more, false, list));
  }
  if (true_ && true_.length) {
    const box = make("div", undefined, "truth");
    box.append(...truth(true_, raw.interests || []));
    card.append(box);
  }
  return card;
}

async function show(account, quiet = false) {
  const query = new URLSearchParams({ words: $("language").value, purpose: $("purpose").value });
  const answer = await ask(`/v1/profiles/${encodeURIComponent(account)}?${query}`, { headers: { "Access-Reason": "page" } });
  if (!answer.ok) {
    const gone = shown && shown.account === account && (answer.status === 404 || answer.status === 410);
    $("profiles").replaceChildren();
    $("actions").hidden = $("views").hidden = $("legend").hidden = true;
    say(gone ? inWords("The profile is gone.") : await problem(answer), true);
    return false;
  }
  const told = await answer.json();
  const mine = (await sentencesOfCustomer)[$("language").value];
  const beside = acting ? await ask(`/v1/truth/${encodeURIComponent(account)}`) : null;
  const truths = beside && beside.ok ? await beside.json() : {};
  const before = shown && shown.account === account ? shown.seen : new Map();
  const parts = [];
  if (told.household) parts.push([told.household, inWords("Household")]);
  for (const member of told.members) parts.push([member, member.subject.slice(account.length + 1)]);
  const active = document.activeElement && document.activeElement.getAttribute("aria-label");
  const { box, shared } = common(parts.map(([raw]) => raw));
  $("profiles").replaceChildren(...box, ...parts.map(([raw, title]) =>
    profile(raw, title, account, before.get(raw.subject), truths[raw.subject], shared, mine)));
  if (onPaper.matches) unfold();
  if (quiet && active) {
    const again = [...$("profiles").querySelectorAll("button, summary")].find((b) => b.getAttribute("aria-label") === active);
    if (again) again.focus();
  }
  for (const [raw] of parts) {
    if (before.has(raw.subject)) differences(before.get(raw.subject), raw).reverse().forEach(note);
  }
  shown = {
    account,
    seen: new Map(parts.map(([raw]) => [raw.subject, new Map((raw.interests || []).map((i) => [i.id, i]))])),
  };
  $("actions").hidden = !acting;
  $("views").hidden = $("legend").hidden = false;
  const behind = Number((/records=(\d+)/.exec(answer.headers.get("Profiles-Lag") || "") || [])[1]);
  $("fresh").textContent = Number.isNaN(behind) ? "" : behind === 0 ? inWords("Up to date.") : inWords("{0} records behind.", behind);
  if (!quiet) {
    const many = parts.length === 1 ? "1 profile of {1}. Changes arrive by themselves." : "{0} profiles of {1}. Changes arrive by themselves.";
    say(inWords(many, parts.length, account));
    $("profiles").focus({ preventScroll: true });
  }
  return true;
}

async function why(subject, item, row, from) {
  const said = row.querySelector(".against");
  if (said) {
    said.remove();
    from.setAttribute("aria-expanded", "false");
    return;
  }
  const path = subject.split("/").map(encodeURIComponent).join("/");
  const query = new URLSearchParams({ words: $("language").value, purpose: $("purpose").value });
  const answer = await ask(`/v1/profiles/${path}/why/${encodeURIComponent(item.id)}?${query}`);
  const box = make("div", undefined, "against");
  if (answer.ok) {
    const told = await answer.json();
    if (told.rule) box.append(make("p", told.rule, "rule"));
    const list = make("ul");
    for (const suppression of told.suppressions) list.append(make("li", suppression.words));
    if (list.children.length) box.append(list);
    // What the row says already is said again only where nothing else is.
    if (told.words !== item.words || !box.children.length) box.prepend(whole(make("p"), told.words));
  } else box.append(make("p", await problem(answer)));
  row.append(box);
  from.setAttribute("aria-expanded", "true");
}

async function act(name, from, id) {
  if (name === "forget" && from.dataset.sure !== "yes") {
    from.dataset.sure = "yes";
    from.textContent = inWords("Forget me: press again");
    return;
  }
  from.disabled = true;
  const body = JSON.stringify(id === undefined ? { act: name } : { act: name, interest: id });
  const answer = await ask(`/v1/facts/${encodeURIComponent(shown.account)}`, {
    method: "POST", body, headers: { "Content-Type": "application/json" },
  });
  say(answer.ok ? inWords("Said. Its effect shows as soon as the stream has it.") : await problem(answer), !answer.ok);
  from.disabled = false;
  if (name === "forget") {
    delete from.dataset.sure;
    from.textContent = inWords("Forget me");
  }
}

// In a demonstration: how the stream is, from the worker's metrics, every two seconds.
let counted = null; // {events, at} of the answer before
async function health() {
  const answer = await ask("/v1/health").catch(() => null);
  const told = answer && answer.ok ? await answer.json() : {};
  const said = [];
  if (Number.isFinite(told.events)) {
    const now = performance.now();
    if (counted) said.push(`${Math.round(Math.max(0, told.events - counted.events) / ((now - counted.at) / 1000))} records a second`);
    counted = { events: told.events, at: now };
  }
  if (Number.isFinite(told.behind_s)) said.push(`${told.behind_s.toFixed(1)} s behind`);
  if (Number.isFinite(told.log_loss)) said.push(`log-loss of forecasts ${told.log_loss.toFixed(3)} (a coin: 0.693)`);
  if (Number.isFinite(told.dead_letters)) said.push(`${told.dead_letters} records refused`);
  $("health").hidden = !said.length;
  $("health").textContent = said.length ? `The stream: ${said.join(", ")}.` : "";
}

function note(text) {
  $("log").hidden = false;
  $("changes").prepend(make("li", `${new Date().toISOString().slice(11, 19)} ${text}`));
  while ($("changes").children.length > 20) $("changes").lastChild.remove();
}

// EventSource can't send a token, so the stream is read by hand.
async function watch(account) {
  if (watching) watching.abort();
  const mine = (watching = new AbortController());
  last = null;
  while (!mine.signal.aborted) {
    try {
      const query = new URLSearchParams({ account, purpose: $("purpose").value });
      const headers = last === null ? {} : { "Last-Event-ID": last };
      const answer = await ask(`/v1/changes?${query}`, { headers, signal: mine.signal });
      if (!answer.ok) return;
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let held = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        document.documentElement.dataset.live = "true"; // whatever changes from now on is shown
        held += value;
        const events = held.split("\n\n");
        held = events.pop();
        for (const text of events) await take(account, text);
      }
    } catch (error) {
      if (mine.signal.aborted) return;
    }
    delete document.documentElement.dataset.live;
    await new Promise((next) => setTimeout(next, 1000));
  }
}

async function take(account, text) {
  const fields = Object.fromEntries(text.split("\n").map((line) => {
    const at = line.indexOf(": ");
    return [line.slice(0, at), line.slice(at + 2)];
  }));
  if (!fields.event) return;
  if (fields.id) last = fields.id;
  const subject = fields.event === "reset" ? account : JSON.parse(fields.data).subject;
  note(inWords(fields.event === "gone" ? "{0} is gone" : "{0} changed", subject));
  if (shown && shown.account === account) await show(account, true);
}

$("pick").addEventListener("submit", async (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", $("token").value);
  const account = $("account").value.trim();
  say(inWords("Asking…"));
  askContacts();
  try {
    if (await show(account)) watch(account);
  } catch (error) {
    say(inWords("The service does not answer."), true);
  }
});
// A page that is kept for "back" must not keep its connection, of which a browser has six.
addEventListener("pagehide", () => watching && watching.abort());
addEventListener("pageshow", (event) => event.persisted && shown && watch(shown.account));
$("language").addEventListener("change", () => {
  document.documentElement.lang = $("language").value;
  translate();
  showContacts();
  if (shown) show(shown.account);
  else say(inWords("Type an account and press Show."));
});
$("plain").addEventListener("click", () => {
  const on = document.body.classList.toggle("plain");
  $("plain").setAttribute("aria-pressed", String(on));
});
$("print").addEventListener("click", () => print());
addEventListener("beforeprint", unfold);
addEventListener("afterprint", refold);
onPaper.addEventListener("change", () => (onPaper.matches ? unfold() : refold()));
wide.addEventListener("change", () => {
  if (onPaper.matches) return; // a sheet is narrower than a screen
  for (const found of document.querySelectorAll(".detail")) found.open = folds.get(found.dataset.fold) ?? wide.matches;
});
for (const found of $("actions").querySelectorAll("button")) {
  found.addEventListener("click", () => act(found.dataset.act, found));
}
if (acting && $("token").value) {
  health();
  setInterval(() => document.hidden || health(), 2000);
}
if ($("token").value && !given.get("account")) askContacts();
if (given.get("account")) {
  $("account").value = given.get("account");
  $("pick").requestSubmit();
}
