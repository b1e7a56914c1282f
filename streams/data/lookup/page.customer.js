// What the customer reads: each interest by its true reason, in the second person, and the head of
// the paper. The sentences are in page.customer.json, by code and language.
"use strict";

const sentencesOfCustomer = fetch("/page.customer.json", { credentials: "omit" }).then((answer) => answer.json());
// Rules that decide by what was measured, and what decides because it was not the customer's own.
const RULES = ["lift_clear", "likely", "still_likely", "tried", "lift_unclear", "lift_small", "too_rare", "too_new", "not_worth_it"];
const NOT_OWN = ["somebody_else", "learned_abroad", "trip_taken"];
const BESIDE = ["weekly_habit", "few_data", "seen_on_shared_screen"];
const WEAK = [...RULES.slice(4), ...NOT_OWN, "suppressed", "declared_dislike"];
const HALTS = ["care_case", "on_hold"];

const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
const codesOf = (item) => new Map((item.reasons || []).map((reason) => [reason.code, reason.value]));
const halted = (item) => item.stance !== "engage" && HALTS.find((code) => codesOf(item).has(code));
// Strong enough to be talked about, were it not for a halt of all offers.
const strongBut = (item) => item.stance === "hold" && halted(item) && !WEAK.some((code) => codesOf(item).has(code));

function dayOf(ms) {
  const found = new Date(Number.isFinite(ms) ? ms : NaN);
  return Number.isNaN(found.getTime()) ? "" : found.toISOString().slice(0, 10);
}

const untilIn = (mine, ms) => (dayOf(ms) ? filled(mine.sheet.until, { date: dayOf(ms) }) : "");
const known = (table, code) => typeof code === "string" && Object.hasOwn(table, code) && !code.startsWith("_");

/** What is in the way of every channel: of an interest, or of all. */
function inTheWay(raw, scope, mine) {
  const found = (raw.suppressions || []).filter((one) => one.scope === scope && !("channel" in one));
  return found.filter((one) => known(mine.suppression, one.reason))
    .map((one) => filled(mine.suppression[one.reason], { until: untilIn(mine, one.until) }));
}

/** Why nothing is offered to the customer at all, by what the profile says of it. */
function haltsOf(item, raw, mine, codes) {
  const halts = inTheWay(raw, "all", mine);
  const offers = (raw.contactable || {}).offers || {};
  if (codes.has("care_case") && !halts.includes(mine.reason.care_case)) halts.unshift(mine.reason.care_case);
  if (halts.length || !codes.has("on_hold")) return halts;
  const why = offers.value === false && known(mine.suppression, offers.why) ? mine.suppression[offers.why] : mine.reason.on_hold;
  return [filled(why, { until: untilIn(mine, offers.until) })];
}

/** That the customer said no to an interest, or to what it is a part of; empty where they did not. */
function refused(item, raw, mine, codes) {
  const said = (raw.suppressions || []).filter((one) => one.reason === "dislike");
  const own = said.find((one) => one.scope === item.id);
  const whole = said.find((one) => one.scope === item.parent && one.name);
  if (!own && !codes.has("declared_dislike")) return "";
  const kind = own || !whole ? "declared_dislike" : "_declared_dislike_of";
  const end = (own || whole || {}).until ?? item.until;
  return filled(mine.reason[kind], { name: whole && whole.name, until: untilIn(mine, end) });
}

/** What the customer reads of an interest: what they said of it, did, or what was seen, in this order. */
function customerLine(item, raw, mine) {
  const codes = codesOf(item);
  const no = refused(item, raw, mine, codes);
  if (no) return no;
  const engaged = item.stance === "engage";
  const pauses = engaged ? [] : inTheWay(raw, item.id, mine);
  if (!engaged && codes.has("suppressed") && !pauses.length && !inTheWay(raw, "all", mine).length) pauses.push(mine.reason.suppressed);
  const halts = engaged ? [] : haltsOf(item, raw, mine, codes);
  const foreign = engaged ? undefined : NOT_OWN.find((code) => codes.has(code));
  const days = codes.get("active_days_28");
  const seen = Number.isInteger(days) && days > 0 ? filled(mine.sheet.seen, { value: days }) : "";
  const said = [];
  if (codes.has("declared_like")) said.push(mine.reason.declared_like);
  else if (foreign && !pauses.length) said.push(mine.reason[foreign]);
  else if (!pauses.length && !(item.stance === "avoid" && halts.length)) {
    const stance = ["engage", "avoid"].includes(item.stance) ? `_${item.stance}` : "_hold";
    const rule = RULES.find((code) => codes.has(code)) || (strongBut(item) ? "_engage" : stance);
    said.push(filled(mine.reason[rule], { seen }));
    said.push(...BESIDE.filter((code) => codes.has(code)).map((code) => mine.reason[code]));
  }
  return [...new Set([...said, ...pauses, ...halts])].join(" ");
}

/** Head of the customer's paper: when, of whom, what for, from where, and how to object. */
function paper(raw, account, mine) {
  const member = raw.subject.slice(account.length + 1);
  const list = make("dl", undefined, "paper");
  const line = (name, ...texts) => list.append(make("dt", mine.sheet[name]), ...texts.map((text) => whole(make("dd"), text)));
  line("date", filled(mine.sheet.date_text, { today: dayOf(Date.now()), seen: onClock(raw.as_of, raw.context?.tz_offset_min) }));
  line("account", account);
  line("whose", member ? filled(mine.sheet.member, { name: member }) : mine.sheet.household);
  const uses = Object.entries(raw.contactable || {}).filter(([use, item]) => known(mine.purpose, use) && item);
  const allowed = uses.filter(([, item]) => item.value === true);
  line("for", allowed.map(([use, item]) => mine.purpose[use] + untilIn(mine, item.until)).join("; ") || mine.sheet.nothing);
  const denied = uses.filter(([, item]) => item.value !== true).map(([use, item]) => {
    const why = known(mine.suppression, item.why) ? `. ${filled(mine.suppression[item.why], { until: untilIn(mine, item.until) })}` : "";
    return mine.purpose[use] + why;
  });
  if (denied.length) line("not_for", ...denied);
  const sources = (raw.evidence && raw.evidence.sources) || Object.keys(Object.assign({}, ...(raw.interests || []).map((item) => item.sources)));
  line("from", sources.filter((one) => known(mine.source, one)).map((one) => mine.source[one]).join(", ") || mine.sheet.from_nothing);
  line("object", mine.sheet.object_text);
  return list;
}
