"""A paho-mqtt client (MQTT 3.1.1) that takes a command per line and prints what happens.

    paho_client.py HOST PORT CLIENT_ID [--persistent] [--keepalive SECONDS] [--will TOPIC QOS RETAIN PAYLOAD]
                   [--transport websockets] [--cafile FILE] [--cert FILE --key FILE]

Commands: "subscribe FILTER QOS", "unsubscribe FILTER", "publish TOPIC QOS RETAIN PAYLOAD", "disconnect".
Prints: "connected session=BOOL", "subscribed QOS", "unsubscribed", "published" when acknowledged, and
"message TOPIC QOS RETAIN PAYLOAD".
"""

import argparse
import sys

import paho.mqtt.client as mqtt

options = argparse.ArgumentParser()
options.add_argument("host")
options.add_argument("port", type=int)
options.add_argument("client_id")
options.add_argument("--persistent", action="store_true")
options.add_argument("--keepalive", type=int, default=60)
options.add_argument("--will", nargs=4)
options.add_argument("--transport", default="tcp")
options.add_argument("--cafile")
options.add_argument("--cert")
options.add_argument("--key")
args = options.parse_args()


def on_message(_client, _userdata, message):
    payload = message.payload.decode()
    print(f"message {message.topic} {message.qos} {int(message.retain)} {payload}")


client = mqtt.Client(
    mqtt.CallbackAPIVersion.VERSION2,
    client_id=args.client_id,
    clean_session=not args.persistent,
    protocol=mqtt.MQTTv311,
    transport=args.transport,
)
if args.cafile:
    client.tls_set(args.cafile, args.cert, args.key)
client.on_connect = lambda _c, _u, flags, code, _p: print(
    f"connected session={flags.session_present}" if not code.is_failure else f"refused: {code}"
)
client.on_subscribe = lambda _c, _u, _mid, codes, _p: print(f"subscribed {codes[0].value}")
client.on_unsubscribe = lambda _c, _u, _mid, _codes, _p: print("unsubscribed")
client.on_publish = lambda _c, _u, _mid, _code, _p: print("published")
client.on_message = on_message
if args.will:
    topic, qos, retain, payload = args.will
    client.will_set(topic, payload, int(qos), retain == "1")
client.connect(args.host, args.port, args.keepalive)
client.loop_start()

for line in sys.stdin:
    command, *words = line.rstrip("\n").split(" ", 4)
    if command == "subscribe":
        client.subscribe(words[0], int(words[1]))
    elif command == "unsubscribe":
        client.unsubscribe(words[0])
    elif command == "publish":
        topic, qos, retain, payload = words
        client.publish(topic, payload, int(qos), retain == "1")
    elif command == "disconnect":
        client.disconnect()
        client.loop_stop()
        break
    else:
        sys.exit(f"unknown command: {line}")
