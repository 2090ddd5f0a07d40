import { createHash } from "node:crypto";

const { url, key, secret, call } = request;
const timestamp = Math.floor(Date.now() / 1000);
const signature = createHash("md5").update(`${key}${secret}${timestamp}`).digest("hex");

const answer = await fetch(url, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ apiKey: key, timestamp, signature, ...call }),
});
const body = Buffer.from(await answer.arrayBuffer()).toString("base64");
console.log(JSON.stringify({ status: answer.status, headers: [...answer.headers], body }));
