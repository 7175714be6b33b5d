// Looks at each view of the page as a browser does: light and dark, wide and narrow, with scripts and without. Prints a
// line for each thing that is wrong, and fails if there is any.
//
// What it is told stands in the environment: URL and TOKEN of a host, and the RUNS to look at, with spaces between them.
// Where SHOTS names a directory, a picture of each view is left there.

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";
import { AxeBuilder } from "@axe-core/playwright";

const { URL: base, TOKEN: token, RUNS: runs, SHOTS: shots, PATH: path } = process.env;
const views = [
  ["overview", "/", 200, "Overview"],
  ["runs", "/runs", 200, "Runs"],
  ["filtered", "/runs?status=completed&status=failed&limit=5", 200, "Runs"],
  ["refusal", "/runs?status=odd", 400, "a query parameter cannot be used"],
  ...runs.split(" ").flatMap((run, at) => [
    [`run-${at}`, `/runs/${run}`, 200, ""],
    [`fork-${at}`, `/runs/${run}/fork`, 200, "Fork a run"],
  ]),
];
const wrong = [];

// Goes there, and sees that it is what it is to be.
async function go(page, [name, path, status, heading], where) {
  const response = await page.goto(base + path);
  const found = await page.locator("h1").allInnerTexts();
  if (response.status() !== status || found.length !== 1 || !found[0].includes(heading)) {
    wrong.push(`${where} ${name}: ${response.status()} with ${JSON.stringify(found)}`);
  }
}

async function look(page, name, where) {
  const width = page.viewportSize().width;
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  if (wide > width) wrong.push(`${where} ${name}: it is ${wide} pixels wide`);
  const { violations } = await new AxeBuilder({ page }).analyze();
  for (const { id, help, nodes } of violations) {
    wrong.push(`${where} ${name}: ${id}: ${help}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
  }
  if (shots) await page.screenshot({ path: `${shots}/${name}-${where.replaceAll(" ", "-")}.png` });
}

async function visit(browser, colorScheme, width) {
  const where = `${colorScheme} ${width}`;
  const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
  const page = await context.newPage();
  page.on("request", (request) => {
    if (!request.url().startsWith(base)) wrong.push(`${where}: ${request.url()} is asked for`);
  });
  page.on("dialog", (dialog) => wrong.push(`${where}: a dialog says ${dialog.message()}`));
  page.on("pageerror", (error) => wrong.push(`${where}: ${error}`));
  await page.exposeFunction("violates", (what) => wrong.push(`${where}: the policy forbids ${what}`));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) =>
      window.violates(`${event.violatedDirective} of ${event.blockedURI} on ${event.documentURI}`));
  });
  await page.goto(`${base}/runs`);
  await look(page, "login", where);
  await page.fill("input[name=token]", token);
  await page.click("main button");
  if (!page.url().endsWith("/runs")) wrong.push(`${where}: the login leads to ${page.url()}`);
  for (const view of views) {
    await go(page, view, where);
    await look(page, view[0], where);
  }
  await context.close();
}

// All is there where no script runs: what can be seen, and what can be done.
async function visitWithoutScripts(browser) {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${base}/`);
  await page.fill("input[name=token]", token);
  await page.click("main button");
  for (const view of views) await go(page, view, "without scripts");
  const [first] = runs.split(" ");
  await page.goto(`${base}/runs/${first}`);
  await page.click("text=Run again");
  await page.click("main button");
  const started = page.url().slice(base.length);
  if (!/^\/runs\/run_[0-9A-Z]+$/.test(started) || started.endsWith(first)) {
    wrong.push(`without scripts: no new run was started, but ${started}`);
  }
  await page.click("text=Log out");
  if (!page.url().endsWith("/login")) wrong.push(`without scripts: logging out leads to ${page.url()}`);
  await context.close();
}

const names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
const all = names.flatMap((name) => path.split(delimiter).map((folder) => join(folder, name)));
const executablePath = all.find((file) => existsSync(file));
if (!executablePath) throw new Error("there is no browser: install Chromium");

const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"],
});
try {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1280, 380]) await visit(browser, colorScheme, width);
  }
  await visitWithoutScripts(browser);
} finally {
  await browser.close();
}
wrong.forEach((line) => console.log(line));
process.exitCode = wrong.length > 0 ? 1 : 0;
