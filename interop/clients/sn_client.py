"""An MQTT-SN client made with the library of mqtt-sn-12. It takes a command per line and prints what happens.

    sn_client.py HOST PORT CLIENT_ID [--persistent] [--keepalive SECONDS] [--will TOPIC QOS RETAIN PAYLOAD]

Commands: "subscribe FILTER QOS", "sleep SECONDS", "wake",
"will TOPIC PAYLOAD", "receive" (until a message has come), "disconnect".
Prints: the command's past tense when it is done, "received TYPE" for every packet, and
"message TOPIC PAYLOAD".
"""

import argparse
import sys
import time

from mqttsn12.client.MqttSnClient import MqttSnClient, MqttSnListener
from mqttsn12.MqttSnConstants import MqttSnConstants
from mqttsn12.packets import PingReqPacket, PublishPacket

options = argparse.ArgumentParser()
options.add_argument("host")
options.add_argument("port", type=int)
options.add_argument("client_id")
options.add_argument("--persistent", action="store_true")
options.add_argument("--keepalive", type=int, default=60)
options.add_argument("--will", nargs=4)
args = options.parse_args()


# The library compares the QoS, which it has shifted to 0..3, with the bits in their place, and so never sends PUBACK.
PublishPacket.get_qos = lambda self: self.flags & MqttSnConstants.FLAG_QOS_MASK


class Printer(MqttSnListener):
    messages = 0

    def message_arrived(self, msg):
        self.messages += 1
        print(f"message {msg.get_topic_name()} {msg.get_payload().decode()}")


class Client(MqttSnClient):
    """Remembers the type of the latest packet: the library drops those that it does not wait for."""

    latest = None

    def receive_packet(self, blocking):
        packet = super().receive_packet(blocking)
        if packet is not None:
            self.latest = self.decode_type(packet[3 if packet[0] == 1 else 1])
            print(f"received {self.latest}")
        return packet

    def poll_until(self, is_done):
        while not is_done():
            self.polling()
            time.sleep(0.01)

    def wake(self):
        self.latest = None
        self.send_packet(PingReqPacket().encode())
        self.poll_until(lambda: self.latest == "PINGRESP")


client, printer = Client(), Printer()
client.set_client_id(args.client_id)
client.set_clean_session(not args.persistent)
client.set_keep_alive(args.keepalive)
if args.will:
    topic, qos, retain, payload = args.will
    client.set_will(topic, payload, int(qos), retain == "1")
client.open(args.host, args.port)
client.send_connect()
print("connected")

for line in sys.stdin:
    command, *words = line.split()
    if command == "subscribe":
        client.send_subscribe(words[0], int(words[1]), printer)
        print("subscribed")
    elif command == "sleep":
        client.send_disconnect(int(words[0]))
        print("slept")
    elif command == "wake":
        client.wake()
        print("woke")
    elif command == "receive":
        before = printer.messages
        client.poll_until(lambda: printer.messages > before)
    elif command == "will":
        client.send_will_topic_update(words[0])
        client.send_will_message_update(words[1])
        print("willed")
    elif command == "disconnect":
        client.send_disconnect(0)
        print("disconnected")
        break
    else:
        sys.exit(f"unknown command: {line}")
