// The page in headless Chromium, against a stand-in for the admin listener.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";
import { serve } from "./server.mjs";
import { World } from "./world.mjs";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "chromium-headless-shell"];
const PATHS = process.env.PATH.split(":").flatMap((folder) => NAMES.map((name) => `${folder}/${name}`));
const executablePath = process.env.STAMPMILL_CHROMIUM ?? PATHS.find((path) => existsSync(path));
const isRequired = process.env.STAMPMILL_REQUIRE_CHROMIUM === "1";
const skip = executablePath == null && !isRequired && "no Chromium in PATH; STAMPMILL_CHROMIUM names one";

const HOSTILE = "<img src=x onerror=alert(1)>";

describe("the page", { skip }, () => {
  let browser;
  before(async () => {
    assert.ok(executablePath, "STAMPMILL_REQUIRE_CHROMIUM=1, and there is no Chromium in PATH; install `chromium`");
    // No sandbox, as in containers that run as root; the page comes from this test alone.
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  });
  after(() => browser?.close());

  /** Shows `world` to `look`, and says that the page has told of no error but those in `expected`. */
  const visit = async (world, options, look, expected = /^$/) => {
    const server = await serve(world);
    const page = await browser.newPage(options);
    const errors = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && errors.push(message.text()));
    page.on("dialog", (dialog) => {
      errors.push(`a dialog of a script: ${dialog.message()}`);
      dialog.dismiss();
    });
    try {
      await page.goto(server.url);
      await page.getByText("live", { exact: true }).waitFor();
      await look(page, server);
    } finally {
      await page.close();
      await server.close();
    }
    assert.deepEqual(errors.filter((error) => !expected.test(error)), []);
  };

  test("pipelines are shown, with rates from the differences of counts", async () => {
    const world = World.halted();
    await visit(world, {}, async (page) => {
      const rows = page.getByRole("table", { name: "Pipelines" }).getByRole("row");
      assert.match(await rows.nth(1).innerText(), /bank-audit\s+not ready/);
      assert.match(await rows.nth(3).innerText(), /refunds\s+paused/);
      const section = page.getByRole("region", { name: "Pipeline bank-audit" });
      await section.getByText("1 running, 1 restarting").waitFor();
      assert.match(await section.locator(".reasons").innerText(), /bank-transactions\/1 has halted at offset/);
      assert.match(await section.locator(".tables").innerText(), /accounts 20,417 rows, 3.9 MB\s+rates 31 rows, 4.1 KB\s+2 records of its topic made no row/);
      world.pipelines[0].tables[1].ready = false;
      await section.locator(".tables").getByText("It is not read to its end yet, and no record is read before.").waitFor();
      Object.assign(world.pipelines[0].counts, { records_in: 5_000, records_out: 10_000 });
      world.now += 1_000;
      await section.locator(".figure", { hasText: "in all" }).first().getByText("5,000 /s").waitFor();
      await section.locator(".w4").getByText("10,000").waitFor();
    });
  });

  test("a pause is confirmed, asks for the token once, and goes to its partition", async () => {
    const world = World.few();
    await visit(world, {}, async (page) => {
      await page.getByRole("button", { name: "pause bank-transactions/1", exact: true }).click();
      assert.deepEqual(world.orders, []);
      await page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
      await page.getByRole("textbox", { name: /^Token/ }).fill(world.token);
      await page.getByRole("button", { name: "Go on" }).click();
      await page.getByRole("button", { name: "resume bank-transactions/1", exact: true }).waitFor();
      await page.getByRole("button", { name: "pause bank-audit", exact: true }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
      await page.getByRole("button", { name: "resume bank-audit", exact: true }).waitFor();
      assert.deepEqual(world.orders, [
        { name: "bank-audit", verb: "pause", body: { topic: "bank-transactions", partition: 1 } },
        { name: "bank-audit", verb: "pause", body: {} },
      ]);
    }, /status of 401/);
  });

  test("nothing is ordered when it is not confirmed", async () => {
    const world = World.few();
    await visit(world, {}, async (page) => {
      await page.getByRole("button", { name: "pause bank-audit", exact: true }).click();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      assert.deepEqual(world.orders, []);
    });
  });

  test("reading asks for the token, too, where the server wants it", async () => {
    const world = World.one();
    await visit(world, {}, async (page) => {
      world.isClosed = true;
      await page.getByRole("textbox", { name: /^Token/ }).fill(world.token);
      await page.getByRole("button", { name: "Go on" }).click();
      await page.getByText("live", { exact: true }).waitFor();
    }, /status of 401/);
  });

  test("text of the server stays text", async () => {
    const world = World.halted();
    const [pipeline] = world.pipelines;
    Object.assign(pipeline, { name: HOSTILE, reasons: [HOSTILE], steps: [HOSTILE], dead_letter_topic: HOSTILE, sinks: [{ topic: HOSTILE }] });
    pipeline.source = { topics: [HOSTILE, "other"], group: HOSTILE };
    for (const partition of pipeline.partitions) Object.assign(partition, { topic: HOSTILE, trouble: HOSTILE });
    for (const failure of pipeline.failures) Object.assign(failure, { topic: HOSTILE, step: HOSTILE, class: HOSTILE, reason: HOSTILE });
    await visit(world, {}, async (page) => {
      await page.getByRole("heading", { name: HOSTILE, exact: true }).waitFor();
      await page.getByRole("button", { name: `pause ${HOSTILE}`, exact: true }).click();
      assert.equal(await page.locator("img").count(), 0);
      assert.match(await page.locator("pre").innerText(), /--pipeline '<img src=x onerror=alert\(1\)>'$/);
    });
  });

  test("a server that is gone is said to be, and back when it is", async () => {
    const world = World.few();
    await visit(world, {}, async (page, server) => {
      const { port } = new URL(server.url);
      await server.close();
      await page.getByRole("alert").getByText("No answer from Stampmill").waitFor();
      assert.equal(await page.locator("main").getAttribute("class"), "stale");
      assert.equal(await page.title(), "✕ no answer – Stampmill");
      const again = await serve(world, Number(port));
      await page.locator("main.live").waitFor();
      await again.close();
    }, /ERR_CONNECTION/);
  });

  for (const name of ["one", "halted", "many"]) {
    test(`a phone shows \`${name}\` without scrolling sideways`, async () => {
      await visit(World[name](), { viewport: { width: 360, height: 740 } }, async (page) => {
        await page.locator(".figures").waitFor();
        const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.ok(content <= window, `${content} px in a window of ${window}`);
      });
    });
  }

  test("of 256 partitions the worst come first, and any can be looked at", async () => {
    await visit(World.many(), {}, async (page) => {
      const rows = page.getByRole("table", { name: "Partitions" }).locator("tbody tr.number");
      assert.match(await rows.first().innerText(), /^\s*17\s+not moving/);
      assert.equal(await rows.count(), 8);
      assert.equal(await page.locator(".cell").count(), 256);
      await page.getByRole("button", { name: /^clicks\/201:/ }).click();
      await page.getByRole("button", { name: "pause clicks/201", exact: true }).waitFor();
    });
  });
});
