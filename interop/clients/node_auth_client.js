// A client of the Node package mqtt that logs in by enhanced authentication (MQTT 5 §4.12) and prints how that went.
//
//     node_auth_client.js HOST PORT METHOD PROGRAM ARGUMENT...
//
// The program is the client's side of the method: it prints a message per line, and reads one per line in between. The last
// one that it reads is that of CONNACK, if the gateway has accepted.

"use strict";

const { spawn } = require("child_process");
const mqtt = require("mqtt");
const readline = require("readline");

const [host, port, method, program, ...args] = process.argv.slice(2);
const peer = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
const lines = readline.createInterface({ input: peer.stdout });
const nextLine = () => new Promise((resolve) => lines.once("line", resolve));

function data(message) {
  return { authenticationMethod: method, authenticationData: Buffer.from(message) };
}

async function main() {
  const client = mqtt.connect({
    host,
    port: Number(port),
    clientId: "node",
    protocolVersion: 5,
    reconnectPeriod: 0,
    properties: data(await nextLine()),
  });
  client.handleAuth = async (packet, answer) => {
    console.log(`challenged ${packet.reasonCode} ${packet.properties.authenticationMethod}`);
    peer.stdin.write(`${packet.properties.authenticationData}\n`);
    answer(null, { cmd: "auth", reasonCode: 0x18, properties: data(await nextLine()) });
  };
  client.on("connect", async (packet) => {
    peer.stdin.write(`${packet.properties.authenticationData}\n`);
    console.log(`connected ${packet.properties.authenticationMethod} ${await nextLine()}`);
    client.end(() => process.exit(0));
  });
  client.on("error", (error) => {
    console.log(`refused ${error.code}`);
    process.exit(1);
  });
}

main();
