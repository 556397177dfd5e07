// A client of the Node package mqtt that takes a command per line and prints what happens, both as JSON.
//
//     node_client.js HOST PORT CLIENT_ID CONNECT
//
// Commands and what it prints are those of paho_v5_client.py; CONNECT may also have "version": 4 for MQTT 3.1.1,
// "protocol" ("mqtts", "ws" or "wss", the last two at /mqtt) and "ca", the file of the authority to trust.

"use strict";

const fs = require("fs");
const mqtt = require("mqtt");
const readline = require("readline");

const [host, port, clientId, connectText] = process.argv.slice(2);
const connect = JSON.parse(connectText);

function sorted(value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
}

function say(what, value) {
  console.log(`${what} ${JSON.stringify(sorted(value))}`);
}

function toNode(properties) {
  const given = { ...properties };
  if (given.correlationData !== undefined) given.correlationData = Buffer.from(given.correlationData);
  return given;
}

function fromNode(properties) {
  const given = { ...properties };
  if (given.correlationData !== undefined) given.correlationData = given.correlationData.toString();
  if (Array.isArray(given.subscriptionIdentifier)) given.subscriptionIdentifier.sort((a, b) => a - b);
  if (given.userProperties !== undefined) given.userProperties = { ...given.userProperties };
  return given;
}

function will(given) {
  return given && { ...given, properties: toNode(given.properties) };
}

const client = mqtt.connect({
  protocol: connect.protocol || "mqtt",
  host,
  port: Number(port),
  path: "/mqtt",
  ca: connect.ca && fs.readFileSync(connect.ca),
  clientId,
  protocolVersion: connect.version || 5,
  clean: connect.clean !== false,
  keepalive: connect.keepalive === undefined ? 60 : connect.keepalive,
  reconnectPeriod: 0,
  properties: connect.version === 4 ? undefined : toNode(connect.properties),
  // It takes no aliases unless told so here.
  topicAliasMaximum: connect.properties && connect.properties.topicAliasMaximum,
  autoUseTopicAlias: Boolean(connect.autoUseTopicAlias),
  will: will(connect.will),
});

client.on("connect", (packet) => {
  const code = packet.reasonCode === undefined ? packet.returnCode : packet.reasonCode;
  say("connected", { code, sessionPresent: packet.sessionPresent, properties: fromNode(packet.properties) });
});
client.on("message", (topic, payload, packet) => {
  const { qos, retain } = packet;
  say("message", { topic, payload: payload.toString(), qos, retain, properties: fromNode(packet.properties) });
});
client.on("disconnect", (packet) => say("disconnected", packet.reasonCode));
client.on("error", (error) => say("refused", error.code));

const commands = {
  subscribe({ filter, options, properties }) {
    const given = properties ? { ...options, properties: toNode(properties) } : options;
    client.subscribe(filter, given, (error, granted) => {
      if (error) return say("error", error.message);
      say("subscribed", granted.map(({ qos }) => qos));
    });
  },
  publish({ topic, payload, qos, retain, properties }) {
    const options = properties ? { qos, retain, properties: toNode(properties) } : { qos, retain };
    client.publish(topic, payload, options, (error) => say("published", error ? error.code : 0));
  },
  disconnect({ properties }) {
    client.end(false, properties ? { properties: toNode(properties) } : {}, () => process.exit(0));
  },
};

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const command = JSON.parse(line);
  commands[command.do](command);
});
