"use strict";
// The API reference: everything on it comes from the OpenAPI document; nothing is loaded from elsewhere.
const METHODS = ["get", "post", "patch", "put", "delete"];
const settings = document.body.dataset;
const $ = (id) => document.getElementById(id);

function el(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = value;
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) element.append(child);
  return element;
}

let spec = null;
const resolve = (part) => {
  for (let depth = 0; part && part.$ref && depth < 20; depth++) {
    part = part.$ref.slice(2).split("/").reduce((at, key) => at && at[key.replace(/~1/g, "/").replace(/~0/g, "~")], spec);
  }
  return part || {};
};

function key() { return $("key").value.trim(); }
// Another schema than the first: /reference?schema=name
function profile() { return new URLSearchParams(location.search).get("schema"); }
function headersOf(extra) {
  const headers = new Headers(extra);
  if (key()) { headers.set("apikey", key()); headers.set("Authorization", "Bearer " + key()); }
  return headers;
}

function typeOf(schema, depth = 0) {
  schema = resolve(schema);
  if (depth > 4) return "…";
  for (const word of ["oneOf", "anyOf"]) if (schema[word]) return schema[word].map((one) => typeOf(one, depth + 1)).join(" | ");
  if (schema.type === "array") return typeOf(schema.items || {}, depth + 1) + "[]";
  const type = Array.isArray(schema.type) ? schema.type.filter((one) => one !== "null")[0] : schema.type;
  return (schema["x-postgres-type"] || schema.format || type || "any") + (schema.maxLength ? `(${schema.maxLength})` : "");
}

function sample(schema, depth = 0) {
  schema = resolve(schema);
  if (depth > 4) return null;
  for (const word of ["oneOf", "anyOf"]) if (schema[word]) return sample(schema[word][0], depth + 1);
  if (schema.default !== undefined) return schema.default;
  if (schema.enum) return schema.enum[0];
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === "object") {
    const required = schema.required || Object.keys(schema.properties || {});
    return Object.fromEntries(required.map((name) => [name, sample((schema.properties || {})[name] || {}, depth + 1)]));
  }
  if (type === "array") return [];
  if (type === "integer" || type === "number") return 0;
  if (type === "boolean") return false;
  if (type === "string") {
    if (/^timestamp/.test(schema.format || "")) return new Date().toISOString();
    if (schema.format === "date") return new Date().toISOString().slice(0, 10);
    if (schema.format === "uuid") return "00000000-0000-0000-0000-000000000000";
    return "";
  }
  return null;
}

// PostgREST marks keys in descriptions with tags; people read words.
function notesOf(property) {
  const notes = [];
  const text = (resolve(property).description || "").replace(/\n*Note:\n[^<]*<(pk|fk)([^>]*)\/>/g, (_, kind, attributes) => {
    const [, table, column] = /table='([^']*)' column='([^']*)'/.exec(attributes) || [];
    notes.push(kind === "pk" ? "primary key" : `references ${table}.${column}`);
    return "";
  });
  const { readOnly, default: value, enum: labels } = resolve(property);
  if (readOnly) notes.push("generated");
  if (labels) notes.push(labels.filter((label) => label !== null).join(", "));
  if (value !== undefined) notes.push("default " + JSON.stringify(value));
  return text ? [...notes, text.trim()] : notes;
}

function rowTable(schema) {
  schema = resolve(schema);
  if (schema.type === "array") schema = resolve(schema.items);
  const properties = schema.properties;
  if (!properties) return el("p", { class: "mono" }, typeOf(schema));
  const required = new Set(schema.required || []);
  return el("table", { class: "fields" }, el("thead", {}, el("tr", {}, ["Field", "Type", ""].map((name) => el("th", {}, name)))),
    el("tbody", {}, Object.entries(properties).map(([name, property]) => el("tr", {},
      el("td", { class: "mono" }, name),
      el("td", { class: "mono" }, typeOf(property)),
      el("td", { class: "soft" }, [...(required.has(name) ? ["required"] : []), ...notesOf(property)].join(" · "))))));
}

function card(heading, ...children) {
  return el("section", { class: "card" }, el("h2", {}, heading), ...children);
}

function snippet(id, heading, text) {
  return el("div", { class: "snippet" },
    el("div", { class: "bar" }, el("h3", {}, heading), el("button", { type: "button", "data-copy": id }, "Copy")),
    el("pre", { id, tabindex: "0" }, text));
}

// The inputs of an operation in groups: what to return, which rows, and headers.
function groupsOf(details, inputs) {
  const groups = { options: [], filters: [], headers: [] };
  for (const reference of details.parameters || []) {
    const parameter = resolve(reference);
    const filter = String(reference.$ref || "").startsWith("#/components/parameters/filter.");
    const description = (parameter.description || "").replace(/`/g, "");
    const type = filter ? (/^Filter by a (.*?): /.exec(description) || [])[1] : null;
    const input = el("input", { placeholder: filter ? "eq.value" : String(parameter.example || ""), autocomplete: "off", spellcheck: "false" });
    input.setAttribute("aria-label", parameter.name);
    inputs.push({ parameter, input });
    groups[filter ? "filters" : parameter.in === "header" ? "headers" : "options"].push(
      el("label", { title: description }, el("span", {}, el("span", { class: "mono" }, parameter.name), el("small", {}, type || description)), input));
  }
  const group = (legend, hint, fields) => fields.length
    ? el("fieldset", {}, el("legend", {}, legend, hint ? el("small", {}, hint) : null), el("div", { class: "form" }, fields)) : null;
  return [
    group("Query", null, groups.options),
    group("Filters", " such as eq.5, gt.10, like.A*, in.(1,2), is.null, not.eq.5", groups.filters),
    group("Headers", null, groups.headers),
  ].filter(Boolean);
}

const quoted = (text) => "'" + text.replace(/'/g, "'\\''") + "'";
function asCurl(method, url, headers, body) {
  return ["curl " + (method === "GET" ? "" : "-X " + method + " ") + quoted(url),
    ...[...headers].map(([name, value]) => "-H " + quoted(name + ": " + value)),
    ...(body ? ["-d " + quoted(body)] : [])].join(" \\\n  ");
}

async function send(operation, inputs, body, answer) {
  const method = operation.method.toUpperCase();
  const query = new URLSearchParams();
  const headers = headersOf(body ? { "Content-Type": "application/json" } : {});
  for (const { parameter, input } of inputs) {
    if (!input.value) continue;
    if (parameter.in === "header") headers.append(parameter.name, input.value);
    else query.append(parameter.name, input.value);
  }
  const schema = profile();
  if (schema) headers.set(method === "GET" ? "Accept-Profile" : "Content-Profile", schema);
  // the document writes braces and slashes within names encoded already
  const url = location.origin + settings.mount + encodeURI(operation.path).replace(/%25/g, "%") + (query.size ? "?" + query : "");
  answer.replaceChildren(el("p", { class: "soft" }, "Sending …"));
  const began = performance.now();
  try {
    const response = await fetch(url, { method, headers, body: body ? body.value : undefined });
    const text = await response.text();
    const took = Math.round(performance.now() - began);
    let shown = text;
    // numbers beyond JavaScript's precision stay as they were sent
    try { const value = JSON.parse(text); if (!/\d{16}/.test(text)) shown = JSON.stringify(value, null, 2); } catch { /* not JSON: as it is */ }
    answer.replaceChildren(
      el("p", {}, el("span", { class: "status " + (response.ok ? "good" : "bad") }, (response.status + " " + response.statusText).trim()),
        el("span", { class: "soft" }, ` · ${took} ms · ${text.length} characters`)),
      el("details", {}, el("summary", {}, el("span", { class: "soft" }, "Headers")), el("pre", {}, [...response.headers].map((pair) => pair.join(": ")).join("\n"))),
      snippet("answer-body", "Body", shown || "(empty)"),
      snippet("answer-curl", "The same with curl", asCurl(method, url, headers, body && body.value)));
  } catch (error) {
    answer.replaceChildren(el("p", { class: "status bad" }, String(error)));
  }
}

function show(operation) {
  const { path, method, details } = operation;
  document.querySelectorAll("aside a[aria-current]").forEach((link) => link.removeAttribute("aria-current"));
  if (operation.link) operation.link.setAttribute("aria-current", "true");
  const inputs = [];
  const groups = groupsOf(details, inputs);
  const content = details.requestBody && resolve(details.requestBody).content;
  const schema = content && content["application/json"] && content["application/json"].schema;
  const body = schema ? el("textarea", { id: "body", spellcheck: "false" }) : null;
  if (body) body.value = JSON.stringify(sample(schema), null, 2);
  const answer = el("div", { id: "answer", "aria-live": "polite" });
  const form = el("form", {}, groups,
    body ? el("fieldset", {}, el("legend", {}, el("label", { for: "body" }, "Body")), body) : null,
    el("button", { class: "main", type: "submit" }, "Send"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(operation, inputs, body, answer);
  });
  const good = Object.entries(details.responses || {}).find(([status]) => /^2/.test(status));
  const goodContent = good && resolve(good[1]).content;
  const goodSchema = goodContent && goodContent["application/json"] && goodContent["application/json"].schema;
  $("operation").replaceChildren(
    el("section", { class: "card" }, el("h2", {}, el("span", { class: "method " + method }, method), el("code", {}, path)),
      el("p", { class: "soft lead" }, details.summary || ""), form, answer),
    ...(schema ? [card("Fields of the body", rowTable(schema.oneOf ? schema.oneOf[0] : schema))] : []),
    ...(goodSchema ? [card("Fields of the answer", rowTable(goodSchema))] : []));
  document.title = method.toUpperCase() + " " + path;
}

function list(operations) {
  const wanted = $("search").value.toLowerCase();
  const groups = new Map();
  for (const operation of operations) {
    const text = (operation.path + " " + operation.method + " " + (operation.details.summary || "")).toLowerCase();
    if (wanted && !text.includes(wanted)) continue;
    const tag = (operation.details.tags || ["other"])[0];
    if (!groups.has(tag)) groups.set(tag, []);
    groups.get(tag).push(operation);
  }
  const current = decodeURI(location.hash.slice(1));
  $("operations").replaceChildren(...[...groups].map(([tag, members]) => el("div", {}, el("h3", {}, tag.replace("(rpc) ", "rpc/")), members.map((operation) => {
    const place = operation.method + operation.path;
    operation.link = el("a", { href: "#" + place, class: "method " + operation.method, title: operation.details.summary || null,
      "aria-label": operation.method + " " + operation.path, "aria-current": place === current ? "true" : null }, operation.method);
    return operation.link;
  }))));
}

async function load() {
  const headers = headersOf({ Accept: "application/openapi+json" });
  const schema = profile();
  if (schema) headers.set("Accept-Profile", schema);
  const response = await fetch(settings.mount + "/", { headers });
  if (!response.ok) {
    $("operation").replaceChildren(el("section", { class: "card" }, el("h2", {}, "The description cannot be read"),
      el("p", {}, response.status + ": give a key on the left.")));
    return;
  }
  spec = await response.json();
  const operations = Object.entries(spec.paths).flatMap(([path, methods]) =>
    METHODS.filter((method) => methods[method]).map((method) => ({ path, method, details: methods[method] })));
  list(operations);
  $("search").oninput = () => list(operations);
  const open = () => {
    const wanted = decodeURI(location.hash.slice(1));
    const found = operations.find((operation) => operation.method + operation.path === wanted) || operations[0];
    if (found) show(found);
    else $("operation").replaceChildren(el("section", { class: "card" }, el("h2", {}, "Nothing is served yet"),
      el("p", {}, "Write a migration that makes a table, and it appears here.")));
  };
  window.onhashchange = open;
  open();
}

$("key").value = sessionStorage.getItem("mainstay.key") || settings.key || "";
$("key-form").addEventListener("submit", (event) => { event.preventDefault(); $("key").blur(); });
$("key").addEventListener("change", () => { sessionStorage.setItem("mainstay.key", $("key").value); load(); });
load();
