// The front page and the API reference in a real browser: what they show, what a click does, and that they
// neither break their own content security policy nor talk to anyone else.
import test, { after, afterEach, before, beforeEach } from "node:test";
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

const url = process.env.MAINSTAY_URL;
const run = promisify(execFile);
let browser, context, page, complaints;

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"],
  });
});
after(() => browser.close());

beforeEach(async () => {
  context = await browser.newContext({ permissions: ["clipboard-read", "clipboard-write"], viewport: { width: 1280, height: 900 } });
  page = await context.newPage();
  complaints = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(url + "/") && !request.url().startsWith("data:")) complaints.push("a request to " + request.url());
  });
});
afterEach(async () => {
  await context.close();
  assert.deepEqual(complaints, []);
});

async function copied(id) {
  const button = page.locator(`button[data-copy="${id}"]`);
  await button.click();
  await button.filter({ hasText: "Copied" }).waitFor();
  return page.evaluate(() => navigator.clipboard.readText());
}

const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);

test("the front page shows what is served", async () => {
  await page.goto(url + "/");
  assert.ok(await page.title());
  assert.equal(await page.locator("h1").innerText(), await page.title());
  const products = page.locator("details", { has: page.locator("summary strong", { hasText: /^products$/ }) });
  assert.equal(await products.getByText("vat_rate").isVisible(), false);
  await products.locator("summary").click();
  assert.equal(await products.getByText("vat_rate").isVisible(), true);
  assert.match(await products.locator("tr", { hasText: "category_id" }).innerText(), /integer[\s\S]*references categories/);
  assert.equal(await page.getByText("search_products(query text, max_price numeric)").count(), 1);
});

test("keys and calls can be copied and work", async () => {
  await page.goto(url + "/");
  assert.match(await copied("anon-key"), /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/);
  const shell = async (id) => JSON.parse((await run("sh", ["-c", (await copied(id)).replace("curl ", "curl -sS ")])).stdout);
  const rows = await shell("call-curl");
  assert.equal(rows.length, 10, JSON.stringify(rows));
  const inserted = await shell("call-insert");
  assert.equal(inserted.length, 1, JSON.stringify(inserted));
  // the client looks for WebSocket even where nobody listens, and older versions of Node have none
  const client = "globalThis.WebSocket ??= class {};\n" + (await copied("call-client"));
  const { stdout } = await run("node", ["--input-type=module", "-e", client], { cwd: import.meta.dirname });
  assert.match(stdout, /^\[\s+\{\s+id: /);
});

test("the reference sends an operation and shows its answer", async () => {
  await page.goto(url + "/reference");
  await page.getByRole("searchbox").fill("products");
  await page.getByRole("link", { name: "get /products", exact: true }).click();
  await page.getByLabel("limit", { exact: true }).fill("2");
  await page.getByLabel("price", { exact: true }).fill("gt.10");
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator("#answer .status.good").waitFor();
  const rows = JSON.parse(await page.locator("#answer-body").innerText());
  assert.equal(rows.length, 2);
  assert.ok(rows.every((row) => row.price > 10 && row.sku));
  const again = await run("sh", ["-c", (await copied("answer-curl")).replace("curl ", "curl -sS ")]);
  assert.deepEqual(JSON.parse(again.stdout), rows);
});

test("the reference calls a function with a body", async () => {
  // Orders are their customers' and the staff's.
  await page.addInitScript((key) => sessionStorage.setItem("mainstay.key", key), process.env.MAINSTAY_SERVICE_KEY);
  await page.goto(url + "/reference#post/rpc/order_total");
  const body = page.getByLabel("Body");
  assert.deepEqual(JSON.parse(await body.inputValue()), { order_id: 0 });
  await body.fill('{"order_id": 1}');
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator("#answer .status.good").waitFor();
  assert.ok(Number(await page.locator("#answer-body").innerText()) > 0);
});

test("both pages fit a small screen in both colour schemes", async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  const grounds = new Set();
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.goto(url + "/");
    await page.locator("details summary").first().click();
    assert.ok(await fits(), "the front page is wider than the screen");
    grounds.add(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
    await page.goto(url + "/reference#post/products");
    await page.getByRole("button", { name: "Send" }).waitFor();
    assert.ok(await fits(), "the reference is wider than the screen");
  }
  assert.equal(grounds.size, 2);
});
