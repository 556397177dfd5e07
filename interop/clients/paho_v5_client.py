"""A paho-mqtt client (MQTT 5) that takes a command per line and prints what happens, both as JSON.

    paho_v5_client.py HOST PORT CLIENT_ID CONNECT

CONNECT is an object: clean, keepalive, properties, will (topic, payload, qos, retain, properties). Commands have a "do":
subscribe (filter, options, properties), publish (topic, payload, qos, retain, properties), disconnect (properties).
Options are qos, nl, rap, rh. Properties have the names of the Node package mqtt: those of the standard in camel case.
Prints "connected {...}", "subscribed [codes]", "published CODE", "message {...}", "disconnected CODE".
"""

import json
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

host, port, client_id, options = sys.argv[1:5]
options = json.loads(options)


def to_paho(packet_type, values):
    properties = Properties(packet_type)
    for name, value in (values or {}).items():
        if name == "userProperties":
            for pair in value.items():
                properties.UserProperty = pair
        elif name == "correlationData":
            properties.CorrelationData = value.encode()
        else:
            setattr(properties, name[0].upper() + name[1:], int(value) if isinstance(value, bool) else value)
    return properties


def from_paho(properties):
    values = {}
    for name, value in properties.json().items() if properties else ():
        if name == "UserProperty":
            values["userProperties"] = dict(value)
        elif name == "CorrelationData":
            values["correlationData"] = bytes.fromhex(value).decode()
        elif name == "SubscriptionIdentifier":
            values["subscriptionIdentifier"] = value[0] if len(value) == 1 else sorted(value)
        elif name == "PayloadFormatIndicator":
            values["payloadFormatIndicator"] = bool(value)
        else:
            values[name[0].lower() + name[1:]] = value
    return values


def say(what, value):
    print(what, json.dumps(value, sort_keys=True), flush=True)


def on_connect(_client, _userdata, flags, code, properties):
    say("connected", {"code": code.value, "sessionPresent": flags.session_present, "properties": from_paho(properties)})


def on_message(_client, _userdata, message):
    say(
        "message",
        {
            "topic": message.topic,
            "payload": message.payload.decode(),
            "qos": message.qos,
            "retain": bool(message.retain),
            "properties": from_paho(message.properties),
        },
    )


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5)
client.on_connect = on_connect
client.on_subscribe = lambda _c, _u, _mid, codes, _p: say("subscribed", [code.value for code in codes])
client.on_publish = lambda _c, _u, _mid, code, _p: say("published", code.value)
client.on_disconnect = lambda _c, _u, _flags, code, _p: say("disconnected", code.value)
client.on_message = on_message
if "will" in options:
    will = options["will"]
    properties = to_paho(PacketTypes.WILLMESSAGE, will.get("properties"))
    client.will_set(will["topic"], will["payload"], will["qos"], will["retain"], properties)
client.connect(
    host,
    int(port),
    options.get("keepalive", 60),
    clean_start=options.get("clean", True),
    properties=to_paho(PacketTypes.CONNECT, options.get("properties")),
)
client.loop_start()

for line in sys.stdin:
    command = json.loads(line)
    given = command.get("properties")
    if command["do"] == "subscribe":
        wanted = command["options"]
        paho_options = SubscribeOptions(
            wanted.get("qos", 0), wanted.get("nl", False), wanted.get("rap", False), wanted.get("rh", 0)
        )
        client.subscribe(command["filter"], options=paho_options, properties=to_paho(PacketTypes.SUBSCRIBE, given))
    elif command["do"] == "publish":
        properties = to_paho(PacketTypes.PUBLISH, given)
        client.publish(command["topic"], command["payload"], command["qos"], command["retain"], properties)
    elif command["do"] == "disconnect":
        client.disconnect(properties=to_paho(PacketTypes.DISCONNECT, given))
        client.loop_stop()
        break
    else:
        sys.exit(f"unknown command: {line}")
