// A customer's way through a verification, in a real browser with Persona's own SDK, against the deployed stack:
// `make web-test`. The stack is described by the file that DIALGATE_STACK names.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { launch, picture } from "./browser.mjs";
import { webApp } from "./web_app.mjs";

const stack = JSON.parse(readFileSync(process.env.DIALGATE_STACK, "utf8"));

/** How long anything that happens by itself may take here: far over what it takes, since the machine may be busy. */
const PATIENCE_MS = 60_000;

let browser, app, context, violations;

before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });
beforeEach(async () => {
  app = await webApp(stack);
  context = await browser.newContext({ viewport: { width: 900, height: 760 } });
  context.setDefaultTimeout(PATIENCE_MS);
  violations = [];
  context.on("console", (message) => {
    if (message.type() === "error" && message.text().includes("Content Security Policy")) violations.push(message.text());
  });
});
afterEach(async () => {
  await context.close();
  await app.close();
  assert.deepEqual(violations, [], "no page asked for what its policy forbids");
});

let numbers = Math.floor(Math.random() * 10_000);

/** A gated number that no other test asks for: San Francisco's area code, in the simulated carrier's stock. */
const number = () => `+1415555${String(numbers++ % 10_000).padStart(4, "0")}`;

async function opened(path) {
  const page = await context.newPage();
  await page.goto(app.url + path);
  await page.locator("body[data-ready]").waitFor();
  return page;
}

/** The flow inside the SDK's iframe. */
const flowIn = (page) => page.frameLocator(".persona-widget__iframe");
const heard = (page, name) => page.evaluate((wanted) => globalThis.heard.filter((what) => what.name === wanted), name);

async function choose(flow, country, document) {
  await flow.getByLabel("Which country issued your ID?").selectOption({ label: country });
  await flow.getByRole("button", { name: "Continue" }).click();
  await flow.getByRole("button", { name: document }).click();
}

async function showFace(flow) {
  await flow.getByRole("button", { name: "Take the selfie" }).click();
  await flow.getByRole("button", { name: "Take picture 2 of 3" }).click();
  await flow.getByRole("button", { name: "Take picture 3 of 3" }).click();
}

/** What Twilio's simulator lists under a number. */
async function owned(phoneNumber) {
  const account = stack.twilio_account_sid;
  const query = new URLSearchParams({ PhoneNumber: phoneNumber });
  const authorization = `Basic ${Buffer.from(`${account}:${stack.twilio_auth_token}`).toString("base64")}`;
  const url = `${stack.twilio_url}/2010-04-01/Accounts/${account}/IncomingPhoneNumbers.json?${query}`;
  return (await (await fetch(url, { headers: { authorization } })).json()).incoming_phone_numbers;
}

async function until(purchase, state) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const { body } = await app.api("GET", `purchases/${purchase}`);
    if (body.state === state) return body;
    assert.ok(Date.now() < deadline, `the purchase is ${body.state}, not ${state}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test("a closed tab costs nothing, and passing completes the purchase by itself", async () => {
  const phoneNumber = number();
  const first = await opened(`/?number=${encodeURIComponent(phoneNumber)}`);
  await first.getByRole("button", { name: "Buy this number" }).click();
  const flow = flowIn(first);
  await flow.getByRole("heading", { name: "Let’s verify your identity" }).waitFor();
  await picture(first, "1-country");
  const purchase = await first.evaluate(() => globalThis.purchase);
  assert.equal((await app.api("GET", `purchases/${purchase}`)).body.state, "awaiting_verification");
  const inquiryId = (await app.api("GET", "verification")).body.inquiry_id;

  await flow.getByLabel("Which country issued your ID?").selectOption({ label: "Canada" });
  await flow.getByRole("button", { name: "Continue" }).click();
  await flow.getByRole("button", { name: "Health card" }).waitFor();
  assert.equal(await flow.getByRole("button", { name: "Passport card" }).count(), 0, "documents differ by country");
  await picture(first, "2-document");
  await flow.getByRole("button", { name: "Driver license" }).click();
  await flow.getByRole("button", { name: "Photograph the front" }).waitFor();
  await picture(first, "3-government-id");
  await flow.getByRole("button", { name: "Photograph the front" }).click();
  await flow.getByRole("button", { name: "Photograph the back" }).click();
  await flow.getByRole("heading", { name: "Take a selfie" }).waitFor();
  await picture(first, "4-selfie");
  // The SDK has called back what a page is promised.
  assert.equal((await heard(first, "load")).length, 1);
  assert.equal((await heard(first, "ready")).length, 1);
  await first.close();

  // Whoever has the inquiry's id alone does not get in: the session was that tab's.
  const stranger = await opened(`/?inquiry=${inquiryId}`);
  await stranger.getByText("The session has expired").waitFor();
  assert.deepEqual((await heard(stranger, "error")).map(({ status, code }) => [status, code]), [[409, "unauthenticated"]]);
  await stranger.close();

  const again = await opened(`/?purchase=${purchase}`);
  await again.getByRole("button", { name: "Continue the verification" }).click();
  await flowIn(again).getByRole("heading", { name: "Take a selfie" }).waitFor();
  const iframe = new URL(await again.locator("iframe").getAttribute("src"));
  assert.equal(iframe.searchParams.get("inquiry-id"), inquiryId, "the same inquiry, at the step where it was left");
  assert.equal((await app.api("GET", `purchases/${purchase}`)).body.state, "awaiting_verification");
  assert.deepEqual(await owned(phoneNumber), [], "nothing is bought before");
  await showFace(flowIn(again));
  await flowIn(again).getByRole("heading", { name: "You’re all set" }).waitFor();
  await picture(again, "5-passed");
  // From here nothing calls the API but those who look.
  const completed = await until(purchase, "completed");
  assert.equal(completed.numbers[0].phone_number, phoneNumber);
  assert.equal((await owned(phoneNumber)).length, 1, "bought once");
  await flowIn(again).getByRole("button", { name: "Done" }).click();
  await again.getByText("The number is yours.").waitFor();
  assert.equal((await heard(again, "complete"))[0].inquiryId, inquiryId);
  // Nobody who is verified waits for a session.
  await again.getByRole("button", { name: "Continue the verification" }).click();
  await again.getByText("The verification is verified.").waitFor();
});

test("failing every try leaves the purchase waiting and nothing bought", async () => {
  const phoneNumber = number();
  const page = await opened(`/?number=${encodeURIComponent(phoneNumber)}`);
  await page.getByRole("button", { name: "Buy this number" }).click();
  const flow = flowIn(page);
  await choose(flow, "United States", "Passport card");
  await flow.getByText("Fail verifications").click();
  for (let left = 4; left >= 0; left -= 1) {
    await flow.getByRole("button", { name: "Photograph the front" }).click();
    await flow.getByRole("button", { name: "Photograph the back" }).click();
    if (left > 0) await flow.getByText(left === 1 ? "1 try is left" : `${left} tries are left`).waitFor();
    if (left === 4) await picture(page, "6-retry");
  }
  await flow.getByRole("heading", { name: "We couldn’t verify you" }).waitFor();
  await picture(page, "7-failed");
  await flow.getByRole("button", { name: "Close" }).last().click();
  await page.getByText("The verification did not pass.").waitFor();
  const purchase = (await app.api("GET", `purchases/${await page.evaluate(() => globalThis.purchase)}`)).body;
  assert.equal(purchase.state, "awaiting_verification", "another try can still complete it");
  assert.deepEqual(await owned(phoneNumber), []);
  assert.equal((await heard(page, "complete")).length, 1, "the SDK reports a failure as an end, too");
});

test("closing the widget cancels, and opening it again shows the same step", async () => {
  const page = await opened(`/?number=${encodeURIComponent(number())}`);
  await page.getByRole("button", { name: "Buy this number" }).click();
  const flow = flowIn(page);
  await choose(flow, "Puerto Rico", "Passport");
  await flow.getByRole("button", { name: "Photograph the photo page" }).waitFor();
  await flow.getByRole("button", { name: "Close" }).click();
  await page.getByText("The verification waits for you.").waitFor();
  const [{ inquiryId, sessionToken }] = await heard(page, "cancel");
  assert.ok(inquiryId.startsWith("inq_") && sessionToken.length > 0);
  await page.evaluate(() => globalThis.client.open());
  await flow.getByRole("button", { name: "Photograph the photo page" }).waitFor();
  await page.evaluate(() => globalThis.client.cancel(true));
  await page.waitForFunction(() => globalThis.heard.filter(({ name }) => name === "cancel").length === 2);
});

test("a one-time link carries the customer and the waiting purchase to a phone", async () => {
  const phoneNumber = number();
  const asked = await app.api("POST", "purchases", { kind: "number", phone_number: phoneNumber });
  assert.equal(asked.status, 202);
  const link = new URL(asked.body.verification.one_time_link);
  assert.equal(link.pathname, "/verify");
  const phone = await browser.newContext({ viewport: { width: 390, height: 780 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 });
  phone.setDefaultTimeout(PATIENCE_MS);
  try {
    const page = await phone.newPage();
    await page.goto(link.href);
    await page.getByRole("heading", { name: "Let’s verify your identity" }).waitFor();
    await picture(page, "8-phone");
    await choose(page, "Germany", "Identity card");
    await page.getByRole("button", { name: "Photograph the front" }).tap();
    await page.getByRole("button", { name: "Photograph the back" }).tap();
    await showFace(page);
    await page.getByRole("button", { name: "Done" }).tap();
    await page.getByRole("heading", { name: "You can close this page" }).waitFor();
  } finally {
    await phone.close();
  }
  await until(asked.body.id, "completed");
  assert.equal((await owned(phoneNumber)).length, 1);
});
