// A web app's server on this machine: serves the page and the unmodified SDK from its npm package, and speaks to the API
// for one sub-account, whose token never reaches the browser.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { once } from "node:events";
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const SDK = createRequire(import.meta.url).resolve("persona");

const FILES = {
  "/": ["text/html; charset=utf-8", fileURLToPath(new URL("page/index.html", import.meta.url))],
  "/page.js": ["text/javascript", fileURLToPath(new URL("page/page.js", import.meta.url))],
  "/page.css": ["text/css", fileURLToPath(new URL("page/page.css", import.meta.url))],
  "/persona.js": ["text/javascript", SDK],
};

/** A token of the stack's issuer for a sub-account. */
async function token(stack, subAccount) {
  const answer = await fetch(`${stack.issuer_url}/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ sub_accounts: [subAccount] }),
  });
  if (!answer.ok) throw new Error(`the issuer answered ${answer.status}`);
  return (await answer.json()).access_token;
}

/** Starts a web app for one new sub-account. */
export async function webApp(stack) {
  const subAccount = `Loc${randomUUID().replaceAll("-", "").slice(0, 12)}`;
  const bearer = await token(stack, subAccount);
  const personaHost = `localhost:${new URL(stack.persona_url).port}`;
  // The page's own policy: what the SDK needs and nothing more.
  const policy =
    `default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; ` +
    `frame-src http://${personaHost}; base-uri 'none'; form-action 'none'`;

  /** A call of the API for the sub-account. */
  async function api(method, path, body) {
    const answer = await fetch(`${stack.api_url}/v1/sub-accounts/${subAccount}/${path}`, {
      method,
      headers: { authorization: `Bearer ${bearer}`, "idempotency-key": randomUUID() },
      body: body && JSON.stringify(body),
    });
    const retryAfterS = Number(answer.headers.get("retry-after") ?? 1);
    return { status: answer.status, body: await answer.json(), retryAfterS };
  }

  async function answer(request) {
    const { pathname } = new URL(request.url, "http://localhost");
    if (pathname === "/configuration") return { status: 200, body: { personaHost } };
    if (request.method === "POST" && pathname === "/purchases") {
      let text = "";
      for await (const part of request) text += part;
      return api("POST", "purchases", { kind: "number", ...JSON.parse(text) });
    }
    if (request.method === "POST" && pathname === "/verification") {
      const { status, body, retryAfterS } = await api("POST", "verification");
      return { status, body: { ...body, retry_after_s: retryAfterS } };
    }
    if (pathname.startsWith("/purchases/")) {
      const purchase = await api("GET", pathname.slice(1));
      const verification = await api("GET", "verification");
      return { status: purchase.status, body: { ...purchase.body, verification: verification.body } };
    }
    return null;
  }

  const server = createServer(async (request, response) => {
    try {
      const file = FILES[new URL(request.url, "http://localhost").pathname];
      if (file) {
        response.writeHead(200, { "content-type": file[0], "content-security-policy": policy });
        return response.end(await readFile(file[1]));
      }
      const found = await answer(request);
      response.writeHead(found?.status ?? 404, { "content-type": "application/json" });
      response.end(JSON.stringify(found?.body ?? {}));
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    subAccount,
    url: `http://localhost:${server.address().port}`,
    api,
    close: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }),
  };
}
