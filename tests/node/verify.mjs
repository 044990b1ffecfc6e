// A second verifier of bundles, written from docs/reference/bundle.md, with nothing but Node.
//
//     node verify.mjs POLICY BUNDLE...
//
// prints a line of JSON for each bundle: its code (0 ok, 1 tampered, 2 incomplete) and what does not hold.

import { createHash, createPublicKey, verify as verifySignature } from "node:crypto";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

class Tampered extends Error {}
class Incomplete extends Error {}

const must = (holds, why, Kind = Tampered) => {
  if (!holds) throw new Kind(why);
};

// ── bytes ────────────────────────────────────────────────────────────────────────────────────────

const sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const ZERO = Buffer.from([0]);
const ONE = Buffer.from([1]);
const leafHash = (entry) => sha256(ZERO, entry);
const nodeHash = (left, right) => sha256(ONE, left, right);
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function text(bytes) {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Tampered("is not UTF-8");
  }
}

function unbase64(encoded) {
  const found = Buffer.from(encoded, "base64");
  must(found.toString("base64") === encoded, "is not base64");
  return found;
}

// ── JSON ─────────────────────────────────────────────────────────────────────────────────────────

function canonical(value, depth = 0) {
  must(depth < 220, "JSON is nested too deep");
  if (typeof value === "number") {
    must(Number.isSafeInteger(value), "JSON holds a number that has no one form");
    return String(value);
  }
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item, depth + 1)).join(",")}]`;
  const keys = Object.keys(value).sort();
  must(keys.every((key) => /^[\0-\x7f]*$/.test(key)), "JSON holds a key that is not ASCII");
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key], depth + 1)}`).join(",")}}`;
}

function readJson(source) {
  let value;
  try {
    value = JSON.parse(source);
  } catch {
    throw new Tampered("is not JSON");
  }
  must(canonical(value) === source, "is not canonical JSON");
  return value;
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const hasKeys = (value, ...keys) => isObject(value) && Object.keys(value).sort().join() === keys.sort().join();
const isHash = (value) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value);

// ── notes ────────────────────────────────────────────────────────────────────────────────────────

function parseKey(encoded) {
  const [, name, id, key] = /^([^\s+]+)\+([0-9a-f]{8})\+(.+)$/.exec(encoded);
  const bytes = Buffer.from(key, "base64");
  const found = sha256(name, "\n", bytes).subarray(0, 4);
  must(found.toString("hex") === id, "a key has another id");
  const jwk = { kty: "OKP", crv: "Ed25519", x: bytes.subarray(1).toString("base64url") };
  return { name, id: found, kind: bytes[0], key: createPublicKey({ key: jwk, format: "jwk" }) };
}

function parsePolicy(source) {
  const policy = { logs: [], witnesses: new Map(), quorum: null };
  for (const line of source.split("\n")) {
    const words = line.split(/\s+/).filter(Boolean);
    if (words[0] === "log") policy.logs.push(parseKey(words[1]));
    if (words[0] === "witness") policy.witnesses.set(words[1], parseKey(words[2]));
    if (words[0] === "quorum") policy.quorum = words[1];
  }
  return policy;
}

function parseCheckpoint(note) {
  const source = text(note);
  must(!/[\0-\x09\x0b-\x1f\x7f]/.test(source), "the checkpoint holds a control character");
  const gap = source.lastIndexOf("\n\n");
  must(gap > 0 && source.endsWith("\n"), "the checkpoint is none");
  const lines = source.slice(0, gap).split("\n");
  must(lines.length === 3 && /^[^\s+]+$/.test(lines[0]) && /^(0|[1-9]\d{0,15})$/.test(lines[1]), "the checkpoint is none");
  const signatures = source.slice(gap + 2, -1).split("\n").map((line) => {
    const found = /^— ([^\s+]+) ([A-Za-z0-9+/=]+)$/.exec(line);
    must(found, "the checkpoint has a line that is no signature");
    return { name: found[1], blob: unbase64(found[2]) };
  });
  const root = unbase64(lines[2]);
  must(root.length === 32, "the root of the checkpoint does not have 32 bytes");
  return { origin: lines[0], size: Number(lines[1]), root, text: Buffer.from(source.slice(0, gap + 1)), signatures };
}

function isSigned(key, checkpoint) {
  let found = false;
  for (const { name, blob } of checkpoint.signatures) {
    if (name !== key.name || !blob.subarray(0, 4).equals(key.id)) continue;
    let message = checkpoint.text;
    let signature = blob.subarray(4);
    if (key.kind === 4) {
      must(blob.length === 76, "a witness's signature is none");
      message = Buffer.concat([Buffer.from(`cosignature/v1\ntime ${blob.readBigUInt64BE(4)}\n`), message]);
      signature = blob.subarray(12);
    }
    must(verifySignature(null, message, key.key, signature), "a signature on the checkpoint is false");
    found = true;
  }
  return found;
}

function checkSigned(policy, checkpoint) {
  const keys = policy.logs.filter((key) => key.name === checkpoint.origin);
  must(keys.length, "the log is not one of the policy");
  must(keys.map((key) => isSigned(key, checkpoint)).some(Boolean), "no trusted key has signed");
  if (policy.quorum !== "none") must(isSigned(policy.witnesses.get(policy.quorum), checkpoint), "the witness has not signed");
}

// ── the tree ─────────────────────────────────────────────────────────────────────────────────────

const EMPTY = sha256("");
const half = (count) => 2 ** Math.floor(Math.log2(count - 1));

function rootOf(hashes) {
  if (hashes.length === 0) return EMPTY;
  if (hashes.length === 1) return hashes[0];
  const middle = half(hashes.length);
  return nodeHash(rootOf(hashes.slice(0, middle)), rootOf(hashes.slice(middle)));
}

// The root by an inclusion proof, from the outside in: the last hash of a proof is the widest.
function rootByInclusion(leaf, index, size, proof) {
  if (size === 1) {
    must(proof.length === 0, "a proof is too long");
    return leaf;
  }
  must(proof.length > 0, "a proof is too short");
  const [middle, rest, last] = [half(size), proof.slice(0, -1), proof.at(-1)];
  if (index < middle) return nodeHash(rootByInclusion(leaf, index, middle, rest), last);
  return nodeHash(last, rootByInclusion(leaf, index - middle, size - middle, rest));
}

// Both roots by a consistency proof.
function rootsByConsistency(old, size, proof, whole, oldRoot) {
  if (old === size) {
    if (whole) return [oldRoot, oldRoot, proof];
    must(proof.length > 0, "a proof is too short");
    return [proof[0], proof[0], proof.slice(1)];
  }
  const middle = half(size);
  if (old <= middle) {
    const [before, after, rest] = rootsByConsistency(old, middle, proof, whole, oldRoot);
    must(rest.length > 0, "a proof is too short");
    return [before, nodeHash(after, rest[0]), rest.slice(1)];
  }
  const [before, after, rest] = rootsByConsistency(old - middle, size - middle, proof, false, oldRoot);
  must(rest.length > 0, "a proof is too short");
  return [nodeHash(rest[0], before), nodeHash(rest[0], after), rest.slice(1)];
}

function tilePath(level, number, width) {
  let path = String(number % 1000).padStart(3, "0");
  for (let rest = Math.floor(number / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    path = `x${String(rest % 1000).padStart(3, "0")}/${path}`;
  }
  return `tile/${level}/${path}${width < 256 ? `.p/${width}` : ""}`;
}

class Tiles {
  constructor(files, size) {
    this.files = files;
    this.size = size;
  }

  width(level, number) {
    return Math.min(256, Math.floor(this.size / 256 ** level) - number * 256);
  }

  hashes(level, number) {
    const width = this.width(level, number);
    const path = tilePath(level, number, width);
    const bytes = this.files.get(path);
    must(bytes, `${path} is not there`, Incomplete);
    must(bytes.length === 32 * width, `${path} is no tile`);
    return Array.from({ length: width }, (_, at) => bytes.subarray(32 * at, 32 * at + 32));
  }

  // The root of the first `size` leaves: any node that lies within it comes from a tile.
  root(size, level = 0, first = 0) {
    const rest = size - first;
    if (rest === 0) return EMPTY;
    let width = 1;
    let height = 0;
    for (; width * 2 <= rest; width *= 2) height += 1;
    const top = this.node(height, first / width);
    return width === rest ? top : nodeHash(top, this.root(size, level, first + width));
  }

  // A node of the tree from the lowest tile that has it, which must be the one that hangs above.
  node(height, index) {
    const level = Math.floor(height / 8);
    const count = 2 ** (height - 8 * level);
    const first = index * count;
    const found = this.hashes(level, Math.floor(first / 256));
    this.check(level, Math.floor(first / 256));
    return rootOf(found.slice(first % 256, (first % 256) + count));
  }

  check(level, number) {
    if (this.width(level, number) < 256) return;
    const top = rootOf(this.hashes(level, number));
    const above = this.hashes(level + 1, Math.floor(number / 256));
    must(above[number % 256].equals(top), "a tile does not belong to the tree");
    this.check(level + 1, Math.floor(number / 256));
  }

  leaf(index) {
    this.check(0, Math.floor(index / 256));
    return this.hashes(0, Math.floor(index / 256))[index % 256];
  }
}

// ── events ───────────────────────────────────────────────────────────────────────────────────────

const NUMBER = /^(0|[1-9]\d{0,15})$/;
const STAMPED = ["dbuser", "sequence", "time"];
const NAMES = `actor causationid correlationid data dataschema dbuser definition id interaction run runner seq sequence source
  specversion step time type wave`.split(/\s+/);

function readEvent(line) {
  const value = readJson(line);
  must(isObject(value) && isObject(value.data), "a line is no event");
  for (const [name, item] of Object.entries(value)) {
    must(NAMES.includes(name), "an event has an attribute that no event has");
    must(name === "data" || typeof item === (name === "seq" ? "number" : "string"), `the ${name} of an event is none`);
  }
  const take = (name, pattern, needed = false) => {
    must(value[name] !== undefined || !needed, `an event has no ${name}`);
    must(value[name] === undefined || pattern.test(value[name]), `the ${name} of an event is none`);
    return value[name];
  };
  const number = (name, needed) => {
    const found = take(name, NUMBER, needed);
    must(found === undefined || Number.isSafeInteger(Number(found)), `the ${name} of an event is none`);
    return found === undefined ? undefined : Number(found);
  };
  const { seq, data } = value;
  must(take("specversion", /^1\.0$/, true) && take("source", /^/, true), "an event has no source");
  for (const name of ["runner", "correlationid"]) take(name, /^[0-9a-f-]{36}$/);
  take("definition", /^[0-9a-f]{64}$/);
  take("wave", NUMBER);
  const type = take("type", /^[a-z]+(\.[a-z]+(_[a-z]+)*)?$/, true).replace(".", "_");
  must(value.dataschema === `wave:${value.type}/1`, "an event has another form");
  const cause = take("causationid", /^[1-9]\d{0,15}\/[1-9]\d{0,9}$/)?.split("/").map(Number);
  const columns = { type, data, seq, cause, run: number("run", true), interaction: number("interaction"), correlation: value.correlationid };
  const stamped = { id: number("id", true), user: take("dbuser", /^/, true), us: microseconds(take("time", /^/, true)) };
  const index = Number(take("sequence", /^\d{20}$/, true));
  must((columns.interaction === undefined) === (seq === undefined), "an event has a seq and no interaction");
  must(seq === undefined || (Number.isInteger(seq) && seq >= 1 && seq < 2 ** 31), "the seq of an event is none");
  const body = Object.fromEntries(Object.entries(value).filter(([name]) => !STAMPED.includes(name)));
  return { index, columns, stamped, promised: promises(data), body: canonical(body) };
}

function microseconds(time) {
  const found = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{3})(\d{3})Z$/.exec(time);
  must(found, "the time of an event is none");
  const milliseconds = Date.parse(`${time.slice(0, 23)}Z`);
  must(!Number.isNaN(milliseconds) && new Date(milliseconds).toISOString() === `${time.slice(0, 23)}Z`, "the time of an event is none");
  return milliseconds * 1000 + Number(found[8]);
}

function promises(data) {
  const single = ["input", "output"].map((name) => ({ name, c: data[name] }));
  const payloads = (Array.isArray(data.payloads) ? data.payloads : []).filter(isObject);
  return [...single, ...payloads.map((one) => ({ name: "payload", c: one.c }))].filter((one) => isHash(one.c));
}

function entryOf({ body, stamped, promised }, index) {
  const b = sha256(body).toString("hex");
  return canonical({ k: 0, n: index, b, i: stamped.id, p: promised.map((one) => one.c), r: stamped.us, u: stamped.user });
}

// ── what can follow what ─────────────────────────────────────────────────────────────────────────

const MOVES = {
  interaction_started: ["pending", "running"],
  interaction_completed: ["running waiting", "completed"],
  interaction_failed: ["running waiting", "failed"],
  interaction_quarantined: ["pending running", "quarantined"],
  interaction_retry_scheduled: ["running", "pending"],
  interaction_released: ["running", "pending"],
  interaction_lease_expired: ["running", "pending"],
  interaction_unblocked: ["blocked", "pending"],
  interaction_skipped: ["new blocked", "skipped"],
  interaction_cancelled: ["pending running waiting", "cancelled"],
  interaction_retried: ["failed quarantined", "pending"],
  interaction_waiting: ["running", "waiting"],
  interaction_set_aside: ["skipped"],
  interaction_superseded: ["completed failed quarantined skipped cancelled invalidated"],
  interaction_restored: ["completed failed quarantined skipped cancelled invalidated"],
  interaction_invalidated: ["completed", "invalidated"],
  interaction_doubted: ["completed"],
  interaction_fanned_out: ["running completed"],
  staging_written: ["running"],
  staging_decided: ["running"],
  staging_completed: ["running"],
  task_claimed: ["waiting"],
  task_released: ["waiting"],
  task_decided: ["waiting"],
  task_sent_back: ["waiting"],
  task_escalated: ["waiting"],
};
const OTHERS = new Set(
  `run_started run_completed run_failed run_cancelled records_settled records_selected selection_failed values_written
  records_vanished records_returned batch_held batch_approved batch_refused staging_revalidated staging_promoted staging_rejected
  staging_rolled_back wave_opened
  wave_closed wave_expired wave_late_result model_loaded model_unloaded model_load_failed breaker_opened
  breaker_half_opened breaker_closed schedule_fired schedule_missed schedule_blocked alert_raised notice_sent notice_given_up paused resumed cancelled
  budget_exceeded budget_raised canary_judged batch_stopped retried rerun_started rerun_undone invalidated trial_adopted shadow_fed runner_told actor_registered actor_drifted actor_approved actor_tightened actor_restored
  workflow_registered workflow_drifted workflow_approved workflow_tightened workflow_restored log_verified projection_verified projection_diverged projection_rebuilt projection_swapped projection_event_skipped
  erasure_requested erasure_withdrawn record_erased payload_erased hold_placed hold_released retention_applied
  drop_requested drop_withdrawn drop_ordered history_dropped
  access_granted access_revoked access_denied session_opened session_ended view_saved view_removed`.split(/\s+/),
);
const NAMES_WHO = { payload_erased: "approved_by", record_erased: "approved_by", drop_ordered: "approved_by", history_dropped: "approved_by" };
for (const type of ["drop_requested", "drop_withdrawn", "access_granted", "access_revoked"]) NAMES_WHO[type] = "by";
for (const type of ["session_opened", "session_ended"]) NAMES_WHO[type] = "person";
for (const type of ["view_saved", "view_removed"]) NAMES_WHO[type] = "by";
for (const type of ["erasure_requested", "erasure_withdrawn", "hold_placed", "hold_released", "retention_applied"]) NAMES_WHO[type] = "by";
for (const type of ["task_claimed", "task_released", "task_decided", "task_sent_back"]) NAMES_WHO[type] = "person";
for (const type of ["interaction_cancelled", "interaction_retried", "paused", "resumed", "cancelled", "budget_raised"]) NAMES_WHO[type] = "by";
for (const type of ["rerun_started", "rerun_undone", "invalidated", "trial_adopted", "retried", "runner_told", "actor_approved", "actor_registered", "actor_tightened", "projection_event_skipped"]) NAMES_WHO[type] = "by";
for (const type of ["workflow_approved", "workflow_registered", "workflow_tightened", "log_verified"]) NAMES_WHO[type] = "by";
for (const type of ["batch_approved", "batch_refused", "staging_revalidated", "staging_promoted", "staging_rejected", "staging_rolled_back"]) NAMES_WHO[type] = "by";
const isName = (value) => typeof value === "string" && value.trim() !== "";
const isTwo = (one, other) => isName(one) && isName(other) && one.trim().toLowerCase() !== other.trim().toLowerCase();

class History {
  constructor(begins) {
    this.begins = begins;
    this.streams = new Map();
    this.runs = new Set();
  }

  add({ type, data, interaction, seq, cause, run }) {
    const firstUse = type === "actor_registered" && "weights" in data;
    const who = Object.hasOwn(NAMES_WHO, type) && !firstUse ? NAMES_WHO[type] : undefined;
    must(who === undefined || isName(data[who]), `${type} does not name who has decided it`);
    must(type !== "record_erased" || isTwo(data.requested_by, data.approved_by), "an erasure is not by two people");
    if (interaction === undefined) {
      must(OTHERS.has(type), `${type} is no event without an interaction`);
      if (type === "run_started") this.runs.add(run);
      return;
    }
    must(Object.hasOwn(MOVES, type), `${type} is no event of an interaction`);
    const [from, to] = MOVES[type];
    let stream = this.streams.get(interaction);
    if (stream === undefined) {
      this.begin({ interaction, seq, cause, run });
      stream = { run, seq, states: seq === 1 ? ["new", "blocked", "pending"] : null, superseded: seq !== 1 };
      this.streams.set(interaction, stream);
    } else {
      const expected = stream.seq + 1;
      stream.seq = seq;
      must(seq === expected, `event ${seq} comes where event ${expected} should`);
      must(cause && cause[0] === interaction && cause[1] === seq - 1, "is not caused by the event before it");
      must(run === stream.run, "changes its run");
    }
    const possible = stream.states?.filter((state) => from.split(" ").includes(state)) ?? from.split(" ");
    stream.states = to ? [to] : possible;
    must(possible.length, `${type} cannot follow`);
    if (type === "interaction_superseded") stream.superseded = true;
    if (type === "interaction_restored") {
      must(stream.superseded, "is restored, and was not superseded");
      stream.superseded = false;
    }
  }

  begin({ interaction, seq, cause, run }) {
    if (seq !== 1) {
      must(!this.begins && cause && cause[0] === interaction && cause[1] === seq - 1, `the first event has the number ${seq}`);
    } else if (cause === undefined) {
      must(!this.begins || this.runs.has(run), "has no cause, and its run has not begun");
    } else {
      const other = this.streams.get(cause[0]);
      if (other === undefined && !this.begins && cause[0] !== interaction) return;
      must(other && other.run === run && cause[1] <= other.seq, "its cause does not come before it");
    }
  }
}

// ── a bundle ─────────────────────────────────────────────────────────────────────────────────────

function filesOf(folder, prefix = "", found = new Map()) {
  for (const name of readdirSync(join(folder, prefix))) {
    const path = prefix ? `${prefix}/${name}` : name;
    const status = lstatSync(join(folder, path));
    if (status.isDirectory()) filesOf(folder, path, found);
    else {
      must(status.isFile() && /^[\w.\-/]+$/.test(path), `${path} is no file of a bundle`);
      found.set(path, readFileSync(join(folder, path)));
    }
  }
  return found;
}

class Bundle {
  constructor(folder, policy) {
    this.findings = [];
    this.files = filesOf(folder);
    this.policy = policy;
  }

  note(error, index = null, follows = false) {
    if (!(error instanceof Tampered || error instanceof Incomplete)) error = new Tampered(`cannot be read: ${error.message}`);
    this.findings.push({ log_index: index, why: error.message, missing: error instanceof Incomplete, follows });
  }

  attempt(work, index = null) {
    try {
      return work();
    } catch (error) {
      this.note(error, index);
      return undefined;
    }
  }

  verify() {
    this.attempt(() => this.all());
    const tampered = this.findings.filter((one) => !one.missing);
    const listed = (tampered.length ? tampered : this.findings).sort((a, b) => a.follows - b.follows || (a.log_index ?? 1e18) - (b.log_index ?? 1e18));
    const code = tampered.length ? 1 : this.findings.length ? 2 : 0;
    return { code, count: this.findings.length, findings: listed.slice(0, 5) };
  }

  get(name) {
    must(this.files.has(name), `${name} is not there`, Incomplete);
    return this.files.get(name);
  }

  named(folder) {
    return [...this.files.keys()].filter((name) => name.startsWith(folder)).sort();
  }

  *lines(folder) {
    for (const name of this.named(folder)) {
      const content = this.files.get(name);
      for (let at = 0; at < content.length; ) {
        const end = content.indexOf(10, at);
        must(end >= 0, `${name} does not end`);
        yield content.subarray(at, end);
        at = end + 1;
      }
    }
  }

  all() {
    const manifest = readJson(text(this.get("manifest.json")));
    must(hasKeys(manifest, "bundle", "files", "origin", "scope", "size") && manifest.bundle === 1, "the manifest is none");
    must(isObject(manifest.files) && isScope(manifest.scope), "the manifest is none");
    this.scope = manifest.scope;
    this.checkManifest(manifest.files);
    this.checkpointNote = this.get("checkpoint");
    this.checkpoint = parseCheckpoint(this.checkpointNote);
    checkSigned(this.policy, this.checkpoint);
    must(manifest.origin === this.checkpoint.origin && manifest.size === this.checkpoint.size, "the manifest names another log");
    this.takeOlder();
    this.takePayloads();
    this.events = this.lines("events/");
    this.history = new History(this.scope.kind !== "range");
    this.batch = { at: 0, end: 0, notBefore: null };
    [this.newest, this.open, this.erased, this.used] = [new Map(), new Map(), new Set(), new Set()];
    [this.flows, this.within] = [new Set(), 0];
    [this.missing, this.orders] = [new Set(), new Map()];
    if (this.scope.kind === "whole") this.whole();
    else this.part();
    this.finish();
  }

  checkManifest(named) {
    for (const [name, content] of this.files) {
      if (name === "manifest.json") continue;
      if (!Object.hasOwn(named, name)) this.note(new Tampered(`${name} is not in the manifest`));
      else if (canonical(named[name]) !== canonical({ bytes: content.length, sha256: sha256(content).toString("hex") }))
        this.note(new Tampered(`${name} is not the file of the manifest`));
    }
    for (const name of Object.keys(named)) if (!this.files.has(name)) this.note(new Incomplete(`${name} is not there`));
  }

  takeOlder() {
    this.older = [];
    for (const name of this.named("checkpoints/")) {
      const one = parseCheckpoint(this.get(name));
      checkSigned(this.policy, one);
      must(one.origin === this.checkpoint.origin, "an older checkpoint is of another log");
      if (one.size > this.checkpoint.size) this.note(new Tampered("the log was cut"));
      else this.older.push(one);
    }
  }

  takePayloads() {
    this.kept = new Set();
    for (const line of this.lines("payloads/")) {
      try {
        const value = readJson(text(line));
        must(hasKeys(value, "c", "nonce", "text") || hasKeys(value, "c", "nonce", "base64"), "a payload is none");
        must(Object.values(value).every((one) => typeof one === "string") && isHash(value.nonce), "a payload is none");
        const content = value.text === undefined ? unbase64(value.base64) : Buffer.from(value.text);
        const found = sha256(Buffer.from(value.nonce, "hex"), content).toString("hex");
        must(found === value.c && !this.kept.has(found), "a payload is not what was promised, or there twice");
        this.kept.add(found);
      } catch (error) {
        this.note(error, null, true);
      }
    }
  }

  nextEvent() {
    const pushed = this.pushed;
    this.pushed = undefined;
    if (pushed) return pushed;
    const { value, done } = this.events.next();
    return done ? null : readEvent(text(value));
  }

  whole() {
    const leaves = [];
    let cut = false;
    this.attempt(() => {
      for (const entry of this.entries()) {
        const index = leaves.length;
        this.attempt(() => {
          if (!text(entry).startsWith('{"b":')) return this.header(index, text(entry), rootOf(leaves));
          let event = this.nextEvent();
          for (; event !== null && event.index < index; event = this.nextEvent()) this.note(new Tampered("comes where it should not"), index);
          if (event === null || event.index > index) {
            this.pushed = event ?? undefined;
            return void this.missing.add(index);
          }
          return this.event(event, entry);
        }, index);
        leaves.push(leafHash(entry));
      }
    }) ?? (cut = leaves.length < this.checkpoint.size);
    if (cut) return;
    this.checkTiles(leaves);
    if (!rootOf(leaves).equals(this.checkpoint.root)) this.note(new Tampered("the entries have another root"));
    for (const one of this.older) {
      if (!rootOf(leaves.slice(0, one.size)).equals(one.root)) this.note(new Tampered("an older checkpoint has promised others"));
    }
    this.attempt(() => must(this.nextEvent() === null, "there are events that were never sealed"));
  }

  *entries() {
    const { size } = this.checkpoint;
    for (let number = 0; number * 256 < size; number += 1) {
      const width = Math.min(256, size - number * 256);
      const content = this.get(tilePath("entries", number, width));
      let at = 0;
      for (let one = 0; one < width; one += 1) {
        must(at + 2 <= content.length, "a file of entries ends within one");
        const end = at + 2 + content.readUInt16BE(at);
        must(end <= content.length, "a file of entries ends within one");
        yield content.subarray(at + 2, end);
        at = end;
      }
      must(at === content.length, "a file of entries goes on");
    }
  }

  checkTiles(leaves) {
    let row = leaves;
    for (let level = 0; row.length; level += 1) {
      const next = [];
      for (let at = 0; at < row.length; at += 256) {
        const part = row.slice(at, at + 256);
        const content = this.files.get(tilePath(level, at / 256, part.length));
        if (content && !content.equals(Buffer.concat(part))) {
          const wrong = part.findIndex((hash, place) => !content.subarray(32 * place, 32 * place + 32).equals(hash));
          this.note(new Tampered("a tile has other hashes"), level === 0 && wrong >= 0 ? at + wrong : null);
        }
        if (part.length === 256) next.push(rootOf(part));
      }
      row = next;
    }
  }

  part() {
    const { size, root } = this.checkpoint;
    this.tiles = new Tiles(this.files, size);
    if (this.named("tile/").length) must(this.tiles.root(size).equals(root), "the tiles have another root");
    for (const one of this.older) this.attempt(() => this.checkOlder(one));
    const headers = [...this.lines("entries/")].map((line) => {
      const value = readJson(text(line));
      must(isObject(value) && Number.isInteger(value.n) && [0, 1, 2].includes(value.k), "a line is no entry");
      return { index: value.n, source: text(line) };
    });
    let last = -1;
    const take = (index, work) =>
      this.attempt(() => {
        must(index > last, "it comes after a later one");
        last = index;
        work();
        if (this.scope.kind === "range" && index >= this.scope.from && index < this.scope.to) this.within += 1;
      }, index);
    for (;;) {
      const [event, isBad] = this.attempt(() => [this.nextEvent(), false]) ?? [null, true];
      if (isBad) continue;
      while (headers.length && (event === null || headers[0].index < event.index)) {
        const { index, source } = headers.shift();
        take(index, () => {
          if (source.startsWith('{"b":')) this.missing.add(index);
          else this.header(index, source, null);
          this.prove(index, Buffer.from(source));
        });
      }
      if (event === null) return;
      take(event.index, () => this.event(event, null));
    }
  }

  checkOlder(one) {
    const name = `consistency/${one.size}`;
    const why = "an older checkpoint has promised others";
    if (this.files.has(name)) {
      const [lines, note] = this.proof(name);
      must(lines[0] === `old ${one.size}` && note.equals(this.checkpointNote), `${name} is no proof`);
      const [before, after, rest] = rootsByConsistency(one.size, this.checkpoint.size, lines.slice(1).map(unbase64), true, one.root);
      must(rest.length === 0 && before.equals(one.root) && after.equals(this.checkpoint.root), why);
    } else must(this.tiles.root(one.size).equals(one.root), why);
  }

  proof(name) {
    const content = this.get(name);
    const gap = content.indexOf("\n\n");
    must(gap > 0, `${name} is no proof`);
    return [text(content.subarray(0, gap)).split("\n"), content.subarray(gap + 2)];
  }

  prove(index, entry) {
    must(index < this.checkpoint.size, "the log is not so long");
    const name = `proofs/${index}.tlog-proof`;
    if (!this.files.has(name)) return must(this.tiles.leaf(index).equals(leafHash(entry)), "is not what was sealed");
    const [lines, note] = this.proof(name);
    must(lines[0] === "c2sp.org/tlog-proof@v1" && lines[1] === `index ${index}` && note.equals(this.checkpointNote), "is no proof");
    const root = rootByInclusion(leafHash(entry), index, this.checkpoint.size, lines.slice(2).map(unbase64));
    return must(root.equals(this.checkpoint.root), "is not what was sealed");
  }

  header(index, source, root) {
    const value = readJson(source);
    must(isObject(value) && [1, 2].includes(value.k), "is no entry of a log");
    must(this.scope.kind !== "whole" || index === this.batch.end, "a batch is shorter than its header says");
    must(Number.isInteger(value.at) && value.n === index, "an entry has no time, or another index");
    if (value.k === 2) {
      this.batch.end = index + 1;
      must(value.t !== "epoch_opened" || isTwo(value.by, value.approved_by), "an epoch is not opened by two people");
      return undefined;
    }
    must(hasKeys(value, "at", "count", "k", "n", "prev_root", "prev_size", "snap") && Number.isInteger(value.count), "a header is none");
    must(value.count >= 1 && value.count <= 5000 && value.prev_size === index, "a header is none");
    must(root === null || value.prev_root === root.toString("hex"), "a header names another root");
    const { at, end, full } = this.batch;
    let { notBefore } = this.batch;
    if (index !== end) notBefore = null;
    else if (!full && at) notBefore = at - 3600e6;
    this.batch = { at: value.at, end: index + 1 + value.count, full: value.count === 5000, notBefore };
    return undefined;
  }

  event(event, sealed) {
    const { columns, stamped, index } = event;
    this.attempt(() => {
      const entry = Buffer.from(entryOf(event, index));
      if (sealed === null) this.prove(index, entry);
      else must(entry.equals(sealed), "is not what was sealed");
      must(index < this.batch.end, "stands outside of its batch", this.scope.kind === "whole" ? Tampered : Incomplete);
      must(stamped.us <= this.batch.at, "was recorded after it was sealed");
      must(this.batch.notBefore === null || stamped.us >= this.batch.notBefore, "was dated back");
      must(this.scope.kind !== "run" || [0, this.scope.run].includes(columns.run), "is of another run");
      if (columns.correlation) this.flows.add(columns.correlation);
    }, index);
    const isErasure = columns.type === "payload_erased";
    if (this.scope.kind !== "record" || isErasure || this.scope.correlations.includes(columns.correlation)) this.keep(event);
    else if (columns.type === "values_written") for (const { c } of event.promised) if (this.kept.has(c)) this.used.add(c);
    this.history.add(columns);
    if (columns.type === "drop_ordered" || columns.type === "history_dropped") this.drop(event);
  }

  // What was ordered to go, index by index: the other verifier reckons with stretches.
  drop({ index, columns: { type, run, data } }) {
    const { drop, first_run: first, last_run: last, gone } = data;
    must(typeof drop === "string" && Number.isInteger(first) && Number.isInteger(last) && first > 0 && last >= first, "a drop is of no runs");
    must(run === 0, "a drop is of a run");
    must(isTwo(data.requested_by, data.approved_by), "is not by two people");
    const key = `${drop} ${first}`;
    if (type === "history_dropped") must(this.orders.has(key) || this.scope.kind !== "whole", "was never ordered");
    if (!this.orders.has(key)) this.orders.set(key, { indexes: new Set(), done: false, index });
    const order = this.orders.get(key);
    if (type === "history_dropped") return void (order.done = true);
    must(Array.isArray(gone) && gone.length % 2 === 0 && gone.every(Number.isInteger), "a drop does not name what goes");
    must(gone.every((one, at) => one >= 0 && one <= index && (at === 0 || one > gone[at - 1])), "a drop names what it must not");
    for (let at = 0; at < gone.length; at += 2) for (let one = gone[at]; one < gone[at + 1]; one += 1) order.indexes.add(one);
    return undefined;
  }

  keep({ index, columns: { type, data, interaction }, promised }) {
    if (type === "payload_erased") {
      must(Array.isArray(data.commitments) && data.commitments.every(isHash), "does not name what was erased");
      for (const one of data.commitments) this.erased.add(one);
      must(isTwo(data.requested_by, data.approved_by), "is not by two people");
      must(!data.commitments.some((one) => this.kept.has(one)), "what it says was erased is still there");
    }
    for (const { name, c } of promised) {
      const isNewest = name === "input" && interaction !== undefined;
      if (this.kept.has(c)) {
        this.used.add(c);
        if (isNewest) this.newest.delete(interaction);
      } else if (isNewest) this.newest.set(interaction, { c, index });
      else if (name !== "output" || type === "interaction_completed") this.open.set(c, { c, index });
    }
  }

  finish() {
    const orders = [...this.orders.values()];
    for (const index of this.missing) {
      if (!orders.some((one) => one.indexes.has(index))) this.note(new Tampered("its event is not there"), index);
    }
    const isShown = (index) => this.scope.kind === "whole" || (this.scope.kind === "range" && index >= this.scope.from && index < this.scope.to);
    for (const { indexes, done } of orders) {
      const still = done ? [...indexes].find((index) => isShown(index) && !this.missing.has(index)) : undefined;
      if (still !== undefined) this.note(new Tampered("its event is there still"), still);
    }
    for (const { c, index } of [...this.open.values(), ...this.newest.values()]) {
      if (!this.erased.has(c)) this.note(new Tampered(`its content ${c} is not there`), index, true);
    }
    for (const c of this.kept) if (!this.used.has(c)) this.note(new Tampered(`no event speaks of ${c}`), null, true);
    const { kind, from, to, correlations } = this.scope;
    if (kind === "range" && this.within < to - from) this.note(new Incomplete("the range is not whole"));
    if (kind === "record" && !correlations.every((one) => this.flows.has(one))) this.note(new Incomplete("a flow is not there"));
  }
}

function isScope(scope) {
  const isCount = (value) => Number.isInteger(value) && value >= 0;
  if (scope?.kind === "whole") return hasKeys(scope, "kind");
  if (scope?.kind === "run") return hasKeys(scope, "kind", "run") && isCount(scope.run);
  if (scope?.kind === "range") return hasKeys(scope, "kind", "from", "to") && isCount(scope.from) && isCount(scope.to) && scope.from < scope.to;
  const flows = scope?.correlations;
  return hasKeys(scope, "kind", "correlations") && scope.kind === "record" && Array.isArray(flows) && flows.every((one) => typeof one === "string");
}

const [policyFile, ...folders] = process.argv.slice(2);
const policy = parsePolicy(readFileSync(policyFile, "utf8"));
for (const folder of folders) {
  let result;
  try {
    result = new Bundle(folder, policy).verify();
  } catch (error) {
    result = { code: 1, count: 1, findings: [{ log_index: null, why: error.message }] };
  }
  console.log(JSON.stringify({ bundle: folder, ...result }));
}
