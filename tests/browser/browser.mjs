// Debian's Chromium, or any other, without a word to anybody but this machine.

import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

/** Where pictures of what was shown are put, for people to look at. */
const PICTURES = fileURLToPath(new URL("../../target/browser/", import.meta.url));

const ARGUMENTS = [
  "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-domain-reliability",
];

export async function launch() {
  mkdirSync(PICTURES, { recursive: true });
  return chromium.launch({
    executablePath: process.env.CHROMIUM,
    // Its sandbox refuses to work for root, which is who containers usually run as.
    chromiumSandbox: process.getuid?.() !== 0,
    args: ARGUMENTS,
  });
}

export async function picture(page, name) {
  await page.screenshot({ path: `${PICTURES}${name}.png` });
}
