// A web app's page, as small as it can be: asks its own server for a number, opens Persona's SDK when a verification is
// needed, and asks its server again what became of the purchase. What the SDK reports is never believed: it only says
// when asking is worth it.

const query = new URLSearchParams(location.search);
const configuration = await (await fetch("configuration")).json();
/** Everything that the SDK called back, for the test. */
globalThis.heard = [];
let client = null;

const say = (text) => (document.querySelector("#said").textContent = text);

async function post(path, body) {
  const answer = await fetch(path, { method: "POST", body: JSON.stringify(body) });
  return answer.json();
}

function open({ inquiry_id: inquiryId, session_token: sessionToken }) {
  // The SDK says nothing at all when its host is down, so the page watches for itself.
  const watchdog = setTimeout(() => { client.destroy(); say("The verification could not be opened; try again."); }, 15_000);
  const hear = (name) => (what) => globalThis.heard.push({ name, ...what });
  client = new Persona.Client({
    customHost: configuration.personaHost,
    inquiryId,
    ...(sessionToken && { sessionToken }),
    onLoad: () => { clearTimeout(watchdog); hear("load")(); },
    onReady: () => { hear("ready")(); client.open(); },
    onEvent: (name) => globalThis.heard.push({ name: "event", event: name }),
    onCancel: (what) => { hear("cancel")(what); say("The verification waits for you."); },
    onError: (what) => { hear("error")(what); client.destroy(); say("The session has expired; continue the verification."); },
    onComplete: (what) => { hear("complete")(what); follow(); },
  });
  globalThis.client = client;
}

async function follow() {
  const purchase = query.get("purchase") ?? globalThis.purchase;
  say("Waiting for the decision…");
  for (;;) {
    const { state, verification } = await (await fetch(`purchases/${purchase}`)).json();
    if (state === "completed") return say("The number is yours.");
    if (state === "failed" || state === "expired") return say(`The purchase ended: ${state}.`);
    if (["declined", "failed"].includes(verification?.state)) return say("The verification did not pass. You can try again.");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

document.querySelector("#number").textContent = query.get("number") ?? "";
document.querySelector("#buy").addEventListener("click", async () => {
  const purchase = await post("purchases", { phone_number: query.get("number") });
  globalThis.purchase = purchase.id;
  say(`Purchase ${purchase.state}`);
  open(purchase.verification);
});
document.querySelector("#resume").addEventListener("click", async () => {
  // One session was handed out a moment ago, or nobody answers just now: its server says when asking again is worth it.
  // Whoever has nothing to do, or may not, gets none however often it asks.
  for (;;) {
    const verification = await post("verification", {});
    if (verification.session_token) return open(verification);
    const canGoOn = ["start_verification", "complete_verification"].includes(verification.next_action);
    const isRefused = verification.status >= 400 && verification.status < 500 && verification.status !== 429;
    if (isRefused) return say(verification.detail);
    if (verification.state && !canGoOn) return say(`The verification is ${verification.state.replace("_", " ")}.`);
    say("One moment…");
    await new Promise((resolve) => setTimeout(resolve, (verification.retry_after_s ?? 1) * 1_000));
  }
});
if (query.has("inquiry")) open({ inquiry_id: query.get("inquiry") });
document.body.dataset.ready = "yes";
